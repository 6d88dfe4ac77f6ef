import type { TestDatabase } from '../postgres/postgres.js';

const COLUMNS = `
  SELECT quote_ident(table_name) AS table, quote_ident(column_name) AS column FROM information_schema.columns
  WHERE table_schema = ANY (current_schemas(false)) AND data_type IN ('text', 'jsonb', 'ARRAY', 'character varying', 'json')`;

/** Where any text of a catalog matches the pattern: `table.column: value`. */
export async function mentions(database: TestDatabase, pattern: string): Promise<string[]> {
  const columns = await database.admin<{ table: string; column: string }>(COLUMNS);
  if (columns.length === 0) throw new Error('no column was searched');
  const found = await Promise.all(
    columns.map(({ table, column }) =>
      database.admin<{ found: string }>(
        `SELECT '${table}.${column}: ' || ${column}::text AS found FROM ${table} WHERE ${column}::text ~* $1`,
        [pattern],
      ),
    ),
  );
  return found
    .flat()
    .map((row) => row.found)
    .toSorted();
}
