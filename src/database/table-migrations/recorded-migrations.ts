import pg from 'pg';

/** In each tenant schema, next to its tables; the application's role has no privileges on it. */
export const MIGRATIONS_TABLE = 'schema_migrations';

/** The names of a schema's migrations, in the order in which they ran; empty when it was never migrated. */
export async function recordedMigrations(client: pg.ClientBase, schema: string): Promise<readonly string[]> {
  const table = `${pg.escapeIdentifier(schema)}.${MIGRATIONS_TABLE}`;
  const found = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [table]);
  if (found.rows[0]?.exists !== true) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY id`);
  return rows.map(({ name }) => name);
}
