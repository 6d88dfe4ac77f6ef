import pg from 'pg';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { assertRoleIsSubjectToPolicies } from '../../database/connection/role-check.js';
import { ensureLoginRole } from '../provisioning/postgres-objects.js';
import { RotationRefusedError, SuccessorLoginError } from './credentials.errors.js';
import { type DatabaseRole, roleState } from '../provisioning/login-role.js';
import { copyRights } from './role-rights.js';

export interface Successor {
  readonly role: string;
  readonly password: string;
}

const LOGIN_TIMEOUT_MS = 10_000;

/**
 * Makes a second login role for a target, with the rights that the present one has in the target's database: both are
 * valid until the present one is retired. Run it once more after the catalog names the successor: a migration that ran
 * in between granted its new tables to the present role.
 *
 * @param client as the owner, in the target's database, not in a transaction
 * @throws RotationRefusedError, ConflictError (a role of the successor's name is of something else),
 *   SuccessorLoginError, UnsafeRoleError (row-level security would not hold it)
 */
export async function prepareSuccessor(client: pg.Client, present: DatabaseRole, successor: Successor): Promise<void> {
  if (successor.role === present.role) throw new RotationRefusedError('a role cannot succeed itself');
  await assertConnectedTo(client, present.database);
  if ((await roleState(client, present)) !== 'ours') {
    throw new RotationRefusedError("the present login role is not the target's");
  }
  await ensureLoginRole(client, { id: present.targetId, role: successor.role }, successor.password);
  const database = pg.escapeIdentifier(present.database);
  await client.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO ${pg.escapeIdentifier(successor.role)}`);
  await copyRights(client, present.role, successor.role);
  await assertUsable(client, present, successor);
}

/** Logs in as the successor, at the server that `owner` is connected to. */
async function assertUsable(owner: pg.ClientBase, present: DatabaseRole, { role, password }: Successor): Promise<void> {
  if (!(owner instanceof pg.Client)) throw new TypeError('not a client that says where it is connected to');
  const { host, port, ssl } = owner;
  const client = new pg.Client({
    ...{ host, port, ssl, user: role, password, database: present.database },
    ...{ connectionTimeoutMillis: LOGIN_TIMEOUT_MS, application_name: 'tenantry rotation' },
  });
  client.on('error', () => undefined); // the statement that waits on it is told
  try {
    await client.connect();
  } catch (error) {
    throw new SuccessorLoginError(error);
  }
  try {
    const server = { id: present.targetId, host, port, tls: 'disable' } as const;
    const { targetId: id, database } = present;
    const named: ConnectionTarget = { id, version: '1', shared: true, server, database, role, password };
    await assertRoleIsSubjectToPolicies(client, named, LOGIN_TIMEOUT_MS);
  } finally {
    await client.end();
  }
}
/**
 * Rights are per database: in another one, nothing would be copied or revoked.
 *
 * @throws RotationRefusedError
 */
export async function assertConnectedTo(client: pg.ClientBase, database: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  if (rows[0]?.name !== database) throw new RotationRefusedError("connected to another database than the target's");
}
