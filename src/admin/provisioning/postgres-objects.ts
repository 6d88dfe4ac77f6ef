import pg from 'pg';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { scramVerifier } from './scram-verifier.js';

/**
 * Creates the login role, or gives the one made before the recorded password: it holds data rights and nothing else.
 * A role is known as ours by its comment, so that a stranger's role of the same name is never taken over.
 *
 * @throws ConflictError when a role of that name exists and was not made for this target
 */
export async function ensureLoginRole(
  client: pg.ClientBase,
  { id, role }: { readonly id: string; readonly role: string },
  password: string,
): Promise<void> {
  const comment = `login role of connection target ${id}`;
  const { rows } = await client.query<{ ours: boolean }>(
    "SELECT shobj_description(oid, 'pg_authid') IS NOT DISTINCT FROM $2 AS ours FROM pg_roles WHERE rolname = $1",
    [role, comment],
  );
  if (rows[0]?.ours === false)
    throw new ConflictError('a login role of the name it would get belongs to something else');
  const name = pg.escapeIdentifier(role);
  const secret = `LOGIN PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`;
  await client.query(
    rows.length === 0
      ? `BEGIN; CREATE ROLE ${name} NOCREATEDB NOCREATEROLE NOINHERIT ${secret};
         COMMENT ON ROLE ${name} IS ${pg.escapeLiteral(comment)}; COMMIT`
      : `ALTER ROLE ${name} ${secret}`,
  );
}

/**
 * Creates the database, owned by the connected role; only the login role may connect to it.
 *
 * @throws ConflictError when a database of that name exists and belongs to somebody else
 */
export async function ensureDatabase(client: pg.ClientBase, name: string, role: string): Promise<void> {
  const { rows } = await client.query<{ ours: boolean }>(
    'SELECT pg_get_userbyid(datdba) = current_user AS ours FROM pg_database WHERE datname = $1',
    [name],
  );
  if (rows[0]?.ours === false) throw new ConflictError('a database of the name it would get belongs to another role');
  const database = pg.escapeIdentifier(name);
  if (rows.length === 0) await client.query(`CREATE DATABASE ${database}`);
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
  await client.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO ${pg.escapeIdentifier(role)}`);
}

export async function ensureSchema(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`);
}
