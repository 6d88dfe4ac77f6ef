import { stripVTControlCharacters } from 'node:util';

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | boolean | null | undefined;
}

const GAP = '  ';

/**
 * Rows under their titles, a line each.
 *
 * @param width characters of the terminal, which cuts what is longer; undefined: nothing is cut
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width?: number): string[] {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ of }) => cell(of(row))))];
  const widths = columns.map((_column, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line) => {
    const text = line.map((value, index) => value.padEnd(widths[index] ?? 0)).join(GAP);
    return cut(text.trimEnd(), width);
  });
}

/** Names and values below each other. */
export function facts(pairs: readonly (readonly [name: string, value: Parameters<typeof cell>[0]])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${cell(value)}`);
}

/** What is stored may hold line breaks, and sequences that a terminal would obey. */
function cell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '-';
  return printable(String(value));
}

export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}+/gu, ' ');
}

function cut(text: string, width: number | undefined): string {
  return width === undefined || text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
