import pg from 'pg';
import { readQuietly } from './read-quietly.js';
import type { StoredTable } from './stored-tables.js';

/** What a tenant has stored. */
export interface StoredSize {
  readonly rows: number;
  readonly bytes: number;
}

export interface MeasureOptions {
  /** Tables with more pages than this are read as a sample of so many; `Infinity`: none. */
  readonly maxPages: number;
  /** How long the statement may take, in ms. */
  readonly timeoutMs: number;
  /** The only tenant to measure; all by default. */
  readonly tenantId?: string;
}

/** Of the server's memory for a row and its pointer: a header of 23 bytes, aligned, and 4. */
const ROW_BYTES = 28;

/** So that the process answers others between two parts of 50,000 tenants. */
const ROWS_PER_FETCH = 2_000;

interface Measured {
  readonly tenant_id: string;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * What each tenant has stored in some tables of a schema: the bytes of its rows that are not deleted, as they are stored (compressed, also
 * outside of the row), and the same part of the indexes. Space that deleted rows have left counts for no tenant. Reads only, in one
 * statement, of which a table that is too large gets a sample of its pages.
 *
 * @param client connected as the owner, not in a transaction
 * @throws 57014 after `timeoutMs`, 55P03 where a table is locked
 */
export async function measureTables(
  client: pg.ClientBase,
  schema: string,
  tables: readonly StoredTable[],
  options: MeasureOptions,
): Promise<Map<string, StoredSize>> {
  const sizes = new Map<string, StoredSize>();
  if (tables.length === 0) return sizes;
  const { timeoutMs, tenantId } = options;
  const values = tenantId === undefined ? [] : [tenantId];
  await readQuietly(client, timeoutMs, async () => {
    await client.query(`DECLARE sizes NO SCROLL CURSOR FOR ${statementOf(schema, tables, options)}`, values);
    for (let fetched = ROWS_PER_FETCH; fetched === ROWS_PER_FETCH;) {
      const { rows: measured } = await client.query<Measured>(`FETCH ${ROWS_PER_FETCH} FROM sizes`);
      for (const { tenant_id, rows, bytes } of measured) {
        sizes.set(tenant_id, { rows: Math.round(rows), bytes: Math.round(bytes) });
      }
      fetched = measured.length;
    }
  });
  return sizes;
}

function statementOf(schema: string, tables: readonly StoredTable[], options: MeasureOptions): string {
  const parts = tables.map((table) => partOf(schema, table, options));
  return `SELECT tenant_id, sum(rows)::float8 AS rows, sum(bytes)::float8 AS bytes
          FROM (${parts.join(' UNION ALL ')}) AS parts GROUP BY tenant_id`;
}

function partOf(schema: string, table: StoredTable, { maxPages, tenantId }: MeasureOptions): string {
  const { name, pages, tableBytes, indexBytes, fixedBytes, variable } = table;
  const isSample = pages > maxPages;
  const sample = isSample ? `TABLESAMPLE SYSTEM (${((100 * maxPages) / pages).toFixed(6)})` : '';
  const times = (isSample ? pages / maxPages : 1).toFixed(6);
  const withIndexes = (1 + indexBytes / Math.max(1, tableBytes)).toFixed(6);
  const row = [
    String(ROW_BYTES + fixedBytes),
    ...variable.map((column) => `coalesce(pg_column_size(${pg.escapeIdentifier(column)}), 0)`),
  ].join(' + ');
  return `SELECT tenant_id, count(*) * ${times} AS rows, sum(${row}) * ${times} * ${withIndexes} AS bytes
          FROM ONLY ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)} ${sample}
          ${tenantId === undefined ? '' : 'WHERE tenant_id = $1'} GROUP BY tenant_id`;
}
