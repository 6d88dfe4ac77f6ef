/**
 * COPY's text format, as PostgreSQL writes it (https://www.postgresql.org/docs/current/sql-copy.html): a row ends in a line
 * break, fields are separated by tabs, and no value contains either, because a backslash stands for it.
 */

/** Ends every row. */
export const ROW_END = 0x0a;
/** Stands between the fields of a row. */
export const FIELD_END = 0x09;

/** The field of a value that is NULL. A text of these characters has two backslashes. */
const NULL = '\\N';
const ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};
const VALUES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ESCAPES).map(([value, escape]) => [escape, value]),
);

/** The value's text form; null for NULL. A backslash before any other character stands for that character. */
export function decodeField(field: string): string | null {
  if (field === NULL) return null;
  if (!field.includes('\\')) return field;
  return field.replaceAll(/\\(.)/gsu, (escape, character: string) => VALUES[escape] ?? character);
}

/** The field of a value. @param text the value's text form, which `COPY … FROM` reads as the column's type */
export function encodeField(text: string | null): string {
  if (text === null) return NULL;
  // oxlint-disable-next-line no-control-regex -- these are the ones
  return text.replaceAll(/[\b\f\n\r\t\v\\]/g, (character) => ESCAPES[character] ?? character);
}

/** The fields of a row, which is given without its end. */
export function fieldsOf(row: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let start = 0;
  for (let end = row.indexOf(FIELD_END); end !== -1; end = row.indexOf(FIELD_END, start)) {
    fields.push(row.subarray(start, end));
    start = end + 1;
  }
  fields.push(row.subarray(start));
  return fields;
}
