export declare const KEPT: string;
export declare function replaceManifest(root: string): void;
export declare function restoreManifest(root: string): void;
