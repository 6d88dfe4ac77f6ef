import pg from 'pg';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { CLIENT_KEEPALIVE, keepaliveOptions } from '../../database/connection/client-config.js';
import { assertRoleIsSubjectToPolicies } from '../../database/connection/role-check.js';
import { ensureLoginRole } from '../provisioning/postgres-objects.js';
import { RotationRejectedError, NewRoleLoginError } from './credentials.errors.js';
import { type DatabaseRole, roleState } from '../provisioning/login-role.js';
import { copyPrivileges } from './role-privileges.js';

export interface NewRole {
  readonly role: string;
  readonly password: string;
}

const LOGIN_TIMEOUT_MS = 10_000;

/**
 * Creates a second login role for a target, with the privileges that the current one has in the target's database. Both
 * roles are valid until the current one is dropped. Call it again after the catalog has switched to the new role: a
 * migration that ran in between granted privileges on its tables to the current role only.
 *
 * @param client connected as the owner to the target's database, not in a transaction
 * @throws RotationRejectedError, ConflictError (a role of that name exists and was not created for the target),
 *   NewRoleLoginError, UnsafeRoleError (row-level security would not apply to the role)
 */
export async function createNewRole(
  client: pg.Client,
  current: DatabaseRole,
  newRole: NewRole,
  trustedFunctions: readonly string[] = [],
): Promise<void> {
  if (newRole.role === current.role) throw new RotationRejectedError('the new role is the current one');
  await assertConnectedTo(client, current.database);
  if ((await roleState(client, current)) !== 'ours') {
    throw new RotationRejectedError("the current login role is not the target's");
  }
  await ensureLoginRole(client, { id: current.targetId, role: newRole.role }, newRole.password);
  const database = pg.escapeIdentifier(current.database);
  await client.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO ${pg.escapeIdentifier(newRole.role)}`);
  await copyPrivileges(client, current.role, newRole.role);
  await assertCanLogIn(client, current, newRole, trustedFunctions);
}

/** Logs in as the new role, on the server that `owner` is connected to. */
async function assertCanLogIn(
  owner: pg.ClientBase,
  current: DatabaseRole,
  { role, password }: NewRole,
  trustedFunctions: readonly string[],
): Promise<void> {
  if (!(owner instanceof pg.Client)) throw new TypeError('expected a pg.Client, whose host and port are known');
  const { host, port, ssl } = owner;
  const client = new pg.Client({
    host,
    port,
    ssl,
    user: role,
    password,
    database: current.database,
    ...CLIENT_KEEPALIVE,
    options: keepaliveOptions(),
    connectionTimeoutMillis: LOGIN_TIMEOUT_MS,
    application_name: 'tenantry rotation',
  });
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
  } catch (error) {
    throw new NewRoleLoginError(error);
  }
  try {
    const server = { id: current.targetId, host, port, tls: 'disable' } as const;
    const { targetId: id, database } = current;
    const target: ConnectionTarget = { id, version: '1', shared: true, server, database, role, password };
    await assertRoleIsSubjectToPolicies(client, target, { timeoutMs: LOGIN_TIMEOUT_MS, trustedFunctions });
  } finally {
    await client.end();
  }
}

/**
 * Privileges are per database: in another database nothing would be copied or revoked.
 *
 * @throws RotationRefusedError
 */
export async function assertConnectedTo(client: pg.ClientBase, database: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  if (rows[0]?.name !== database) throw new RotationRejectedError("connected to a database other than the target's");
}
