import { stripVTControlCharacters } from 'node:util';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | boolean | null | undefined;
}

const GAP = '  ';

/**
 * A line of titles, then one line per row, in aligned columns.
 *
 * @param width of the terminal in characters: longer lines are truncated; undefined truncates nothing
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width?: number): string[] {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ value }) => cell(value(row))))];
  const widths = columns.map((_column, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line) => {
    const text = line.map((content, index) => content.padEnd(widths[index] ?? 0)).join(GAP);
    return truncate(text.trimEnd(), width);
  });
}

/** One `name  value` line per pair, with the values aligned. */
export function keyValues(pairs: readonly (readonly [name: string, value: Parameters<typeof cell>[0]])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${cell(value)}`);
}

function cell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '-';
  return printable(String(value));
}

/** Removes escape sequences, control and format characters: stored text must not control the terminal. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}

function truncate(text: string, width: number | undefined): string {
  return width === undefined || text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
