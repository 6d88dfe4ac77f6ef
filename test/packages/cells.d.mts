export interface Cell {
  readonly nest: string;
  readonly http: string;
  readonly format: string;
  readonly typeorm: string;
  readonly node: string;
  readonly typescript: string;
}

export declare const AXES: Readonly<Record<string, readonly string[]>>;
export declare const TYPESCRIPTS: readonly string[];
export declare function allCells(): Cell[];
export declare function coveringCells(): Cell[];
export declare function pairsOf(cell: Cell): string[];
export declare function nameOf(cell: Cell): string;
