import type pg from 'pg';
import { readQuietly } from './read-quietly.js';

/** A table with rows of tenants. Partitions are tables of their own. */
export interface StoredTable {
  readonly name: string;
  /** Pages of the table itself. */
  readonly pages: number;
  /** Bytes of the table with its TOAST table, and of its indexes. */
  readonly tableBytes: number;
  readonly indexBytes: number;
  /** Bytes that every row has: of columns with a fixed length that are never null. */
  readonly fixedBytes: number;
  /** The other columns. */
  readonly variable: readonly string[];
}

/** Columns whose values are computed when they are read take no space. */
const TABLES = `
  SELECT c.relname AS name,
         (pg_relation_size(c.oid) / current_setting('block_size')::int)::int AS pages,
         pg_table_size(c.oid)::float8 AS "tableBytes", pg_indexes_size(c.oid)::float8 AS "indexBytes",
         sum(a.attlen) FILTER (WHERE a.attlen > 0 AND a.attnotnull)::int AS "fixedBytes",
         coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attlen < 0 OR NOT a.attnotnull), '{}') AS variable
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
  WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind = 'r' AND c.relpersistence <> 't'
    AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id' AND t.atttypid = 'uuid'::regtype
                  AND NOT t.attisdropped)
  GROUP BY c.oid ORDER BY c.relname`;

const TIMEOUT_MS = 10_000;

/**
 * The tables of a schema that have rows of tenants, with their sizes.
 *
 * @param client connected as the owner, not in a transaction
 * @throws 57014, 55P03 where a table is locked
 */
export async function storedTables(client: pg.ClientBase, schema: string): Promise<StoredTable[]> {
  return (await readQuietly(client, TIMEOUT_MS, () => client.query<StoredTable>(TABLES, [schema]))).rows;
}
