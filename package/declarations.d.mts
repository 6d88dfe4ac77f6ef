export interface ReachableDeclarations {
  readonly files: string[];
  readonly packages: string[];
}

export declare function reachableDeclarations(folder: string, entries: readonly string[]): ReachableDeclarations;
export declare function removeUnreachable(folder: string, entries: readonly string[]): void;
export declare function packageName(specifier: string): string;
