import pg from 'pg';
import { type CopyPlace, rowsOf } from '../copy-place.js';
import type { CopiedTable } from '../tables/copied-tables.js';

/** Values of a row's key without `tenant_id`, by column, as texts. */
export type RangeEnd = Readonly<Record<string, string>>;

/** Rows behind one key (from the first row, if there is none) up to another, which is among them (to the last row). */
export interface KeyRange {
  readonly after?: RangeEnd | undefined;
  readonly upTo?: RangeEnd | undefined;
}

const TENANT_COLUMN = 'tenant_id';

/** The columns that order one tenant's rows. */
export function rangeColumns({ keyColumns }: CopiedTable): CopiedTable['keyColumns'] {
  return keyColumns.filter(({ name }) => name !== TENANT_COLUMN);
}

/**
 * Whether ranges of one tenant's keys are found by the key's index, and can be copied one by one. A row that refers to one of
 * the same table may be in an earlier range.
 */
export function hasRanges({ isAlone }: CopyPlace, table: CopiedTable): boolean {
  const columns = rangeColumns(table);
  return (
    columns.length > 0 &&
    columns.every(({ isOrdered }) => isOrdered) &&
    (isAlone || table.key[0] === TENANT_COLUMN) &&
    !table.references.some(({ child }) => child === table.name)
  );
}

/**
 * A condition, as SQL under the settings of `setTextForms`. The order is that of the source, where it is to be asked: that of texts
 * may differ between servers.
 *
 * @param alias of the table, or of one with the columns of its key
 */
export function inRange(table: CopiedTable, { after, upTo }: KeyRange, alias: string): string {
  const columns = rangeColumns(table);
  const key = `ROW(${columns.map(({ name }) => `${alias}.${pg.escapeIdentifier(name)}`).join(', ')})`;
  const valuesOf = (end: RangeEnd): string => {
    const values = columns.map(({ name, type, collation }) => {
      const value = `${pg.escapeLiteral(end[name] ?? '')}::${type}`;
      return collation === null ? value : `${value} COLLATE ${collation}`;
    });
    return `ROW(${values.join(', ')})`;
  };
  const conditions = [
    ...(after ? [`${key} > ${valuesOf(after)}`] : []),
    ...(upTo ? [`${key} <= ${valuesOf(upTo)}`] : []),
  ];
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

/** The next so many rows behind a key, in the transaction at the source. Up to the last row when there are no more of them. */
export async function nextRange(
  place: CopyPlace,
  table: CopiedTable,
  tenantId: string,
  { after, size }: { readonly after: RangeEnd | undefined; readonly size: number },
): Promise<KeyRange> {
  const names = rangeColumns(table).map(({ name }) => pg.escapeIdentifier(name));
  const { rows } = await place.client.query<{ key: string[] }>(
    `SELECT ARRAY[${names.map((name) => `t.${name}::text`).join(', ')}] AS key FROM ${rowsOf(place, table)} t
     WHERE t.tenant_id = ${pg.escapeLiteral(tenantId)}::uuid AND ${inRange(table, { after }, 't')}
     ORDER BY ${names.map((name) => `t.${name}`).join(', ')} OFFSET ${size - 1} LIMIT 1`,
  );
  const [last] = rows;
  if (!last) return { after };
  return { after, upTo: Object.fromEntries(rangeColumns(table).map(({ name }, n) => [name, last.key[n] ?? ''])) };
}
