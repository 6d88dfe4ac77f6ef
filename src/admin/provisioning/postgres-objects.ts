import pg from 'pg';
import { roleComment } from '../../catalog/model/role-comment.js';
import { SHARED_SCHEMA } from '../../catalog/provided-database.js';
import { databaseHasCitus } from '../../database/citus/citus.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { createSchemaSql } from '../../platform/postgres/create-schema.js';
import { INSUFFICIENT_PRIVILEGE, roleState } from './login-role.js';
import { MissingServerRightsError } from './provisioning.errors.js';
import { scramVerifier } from './scram-verifier.js';

/**
 * Creates the login role, or sets the password of the existing one. The role gets privileges on data only. Its comment
 * records the target, so that an unrelated role of the same name is never taken over.
 *
 * @throws ConflictError when a role of that name exists and was not created for this target, MissingServerRightsError
 */
export async function ensureLoginRole(
  client: pg.ClientBase,
  { id, role }: { readonly id: string; readonly role: string },
  password: string,
): Promise<void> {
  const state = await roleState(client, { targetId: id, role });
  if (state === 'foreign') {
    throw new ConflictError('a role with the required name exists and was not created for this target');
  }
  const name = pg.escapeIdentifier(role);
  const secret = `LOGIN PASSWORD ${pg.escapeLiteral(scramVerifier(password))}`;
  const sql =
    state === 'missing'
      ? `BEGIN; CREATE ROLE ${name} NOCREATEDB NOCREATEROLE NOINHERIT ${secret};
         COMMENT ON ROLE ${name} IS ${pg.escapeLiteral(roleComment(id))}; COMMIT`
      : `ALTER ROLE ${name} ${secret}`;
  await client.query(sql).catch(missingRight('a new login role', 'CREATEROLE'));
}

/**
 * Creates the database if it does not exist, owned by the connected role. Only the login role may connect to it. It is a
 * copy of `template0`: what is in `template1` (functions, tables, grants) was not made for tenants, and an open connection
 * to `template1` would make the statement fail.
 *
 * @throws ConflictError when a database of that name exists and has another owner, MissingServerRightsError
 */
export async function ensureDatabase(client: pg.ClientBase, name: string, role: string): Promise<void> {
  const { rows } = await client.query<{ ours: boolean }>(
    'SELECT pg_get_userbyid(datdba) = current_user AS ours FROM pg_database WHERE datname = $1',
    [name],
  );
  if (rows[0]?.ours === false) {
    throw new ConflictError('a database with the required name exists and belongs to another role');
  }
  const database = pg.escapeIdentifier(name);
  if (rows.length === 0) {
    const sql = `CREATE DATABASE ${database} TEMPLATE template0`;
    await client.query(sql).catch(missingRight('a new database', 'CREATEDB'));
  }
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
  await client.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO ${pg.escapeIdentifier(role)}`);
}

/**
 * Creates all of them or none. In a database with Citus, those of one tenant each are distributed as a whole, each to one node.
 *
 * @param client not in a transaction
 * @throws MissingServerRightsError
 */
export async function ensureSchemas(client: pg.ClientBase, schemas: readonly string[]): Promise<void> {
  const create = schemas.map(createSchemaSql).join('; ');
  const created = (await databaseHasCitus(client))
    ? createWithCitus(client, create, !schemas.includes(SHARED_SCHEMA))
    : client.query(create);
  await created.catch(missingRight('a new schema', 'CREATE on its database'));
}

async function createWithCitus(client: pg.ClientBase, create: string, isDistributed: boolean): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL citus.enable_schema_based_sharding TO ${isDistributed ? 'on' : 'off'}`);
    await client.query(create);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  }
}

/** Whether the connected role owns a database of that name. */
export async function ownsDatabase(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'SELECT FROM pg_database WHERE datname = $1 AND pg_get_userbyid(datdba) = current_user',
    [name],
  );
  return rowCount === 1;
}

/** The owner had the right when the server was registered, or the process started, and has lost it since. */
function missingRight(subject: ConstructorParameters<typeof MissingServerRightsError>[0], right: string) {
  return (error: unknown): never => {
    const isDenied = error instanceof pg.DatabaseError && error.code === INSUFFICIENT_PRIVILEGE;
    throw isDenied ? new MissingServerRightsError(subject, [right], error) : error;
  };
}
