import pg from 'pg';

// A view runs with its owner's rights, past row-level security, unless it says `security_invoker`.
const HELD_BY_POLICIES = `
  SELECT c.relname AS name
  FROM pg_class c
  WHERE c.relnamespace = $1::regnamespace
    AND (c.relkind IN ('r', 'p') AND c.relrowsecurity
         OR c.relkind = 'v' AND coalesce(c.reloptions, '{}') @> '{security_invoker=true}')`;

/**
 * Lets an application's role use the tables of a schema: those with row-level security, and no others. A table that a
 * migration made without the tenant column and its policy stays out of reach instead of being shared by accident.
 */
export async function grantTenantTables(client: pg.ClientBase, schema: string, role: string): Promise<void> {
  const quotedSchema = pg.escapeIdentifier(schema);
  const quotedRole = pg.escapeIdentifier(role);
  const { rows } = await client.query<{ name: string }>(HELD_BY_POLICIES, [quotedSchema]);
  await client.query(`GRANT USAGE ON SCHEMA ${quotedSchema} TO ${quotedRole}`);
  await client.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${quotedSchema} TO ${quotedRole}`);
  if (rows.length === 0) return;
  const tables = rows.map(({ name }) => `${quotedSchema}.${pg.escapeIdentifier(name)}`).join(', ');
  await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${quotedRole}`);
}
