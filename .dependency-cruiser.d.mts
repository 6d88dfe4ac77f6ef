export declare const LAYERS: string[][];
export declare const DATABASE_ROOMS: string[][];
