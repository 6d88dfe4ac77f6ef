/** The first entry of an archive. */
export const MANIFEST = 'manifest.json';

const PIECE = /^tables\/(\d{5})\/(\d{9})\.copy$/;

/** Name of a piece of a table's rows. Names of tables are in the manifest only: none of them becomes a path. */
export function pieceName(table: number, piece: number): string {
  return `tables/${String(table).padStart(5, '0')}/${String(piece).padStart(9, '0')}.copy`;
}

/** Undefined for the name of any other entry. */
export function parsePieceName(name: string): { readonly table: number; readonly piece: number } | undefined {
  const [, table, piece] = PIECE.exec(name) ?? [];
  return table === undefined || piece === undefined ? undefined : { table: Number(table), piece: Number(piece) };
}
