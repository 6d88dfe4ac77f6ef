import pg from 'pg';

/** In each tenant schema, next to its tables; the application's role has no privileges on it. */
export const MIGRATIONS_TABLE = 'schema_migrations';

/** Schemas per statement, so that no text becomes too long to parse. */
const SCHEMAS_PER_STATEMENT = 200;

/** The names of a schema's migrations, in the order in which they ran; empty when it was never migrated. */
export async function recordedMigrations(client: pg.ClientBase, schema: string): Promise<readonly string[]> {
  return (await recordedMigrationsOf(client, [schema])).get(schema) ?? [];
}

/** The same for many schemas of a database, each of which has an entry. */
export async function recordedMigrationsOf(
  client: pg.ClientBase,
  schemas: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const recorded = new Map<string, readonly string[]>(schemas.map((schema) => [schema, []]));
  const { rows } = await client.query<{ schema: string }>(
    `SELECT schema FROM unnest($1::text[]) schema WHERE to_regclass(format('%I.${MIGRATIONS_TABLE}', schema)) IS NOT NULL`,
    [schemas],
  );
  for (let start = 0; start < rows.length; start += SCHEMAS_PER_STATEMENT) {
    const names = rows.slice(start, start + SCHEMAS_PER_STATEMENT).map(({ schema }) => schema);
    const found = await client.query<{ schema: string; names: string[] }>(names.map(readSql).join(' UNION ALL '));
    for (const row of found.rows) recorded.set(row.schema, row.names);
  }
  return recorded;
}

function readSql(schema: string): string {
  return `SELECT ${pg.escapeLiteral(schema)} AS schema, array(
    SELECT name::text FROM ${pg.escapeIdentifier(schema)}.${MIGRATIONS_TABLE} ORDER BY id) AS names`;
}
