import { UsageError } from './cli.errors.js';

/** A field, quoted or not, and what ends it (https://www.rfc-editor.org/rfc/rfc4180). */
const FIELD = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y;

/**
 * Rows of CSV with a header, as objects. An empty field without quotes is null.
 *
 * @throws UsageError
 */
export function parseCsvRows(content: string): Record<string, string | null>[] {
  const [header, ...records] = recordsOf(content.replace(/^\uFEFF/, '').trimEnd());
  const columns = (header ?? []).map((name) => name?.trim() ?? '');
  if (columns.some((name) => name === '')) throw new UsageError('the first line must name the columns');
  return records.map((fields, n) => {
    if (fields.length !== columns.length) {
      throw new UsageError(`record ${n + 1} has ${fields.length} fields, the header ${columns.length}`);
    }
    return Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? null]));
  });
}

function recordsOf(text: string): (string | null)[][] {
  const records: (string | null)[][] = [[]];
  FIELD.lastIndex = 0;
  while (FIELD.lastIndex <= text.length) {
    const start = FIELD.lastIndex;
    const match = FIELD.exec(text);
    if (!match) throw new UsageError(`the file is not valid CSV at character ${start + 1}`);
    const [, field = '', end = ''] = match;
    const value = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field === '' ? null : field;
    records.at(-1)?.push(value);
    if (end === '') break;
    if (end !== ',') records.push([]);
  }
  return records;
}
