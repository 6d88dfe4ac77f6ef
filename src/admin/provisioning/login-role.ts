import pg from 'pg';
import { roleComment } from '../../catalog/model/role-comment.js';
import { MissingMembershipError } from './provisioning.errors.js';

export const INSUFFICIENT_PRIVILEGE = '42501';

/** A target's login role, created by `ensureLoginRole`. */
export interface TargetRole {
  readonly targetId: string;
  readonly role: string;
}

/** A target's login role, with the target's database. */
export interface DatabaseRole extends TargetRole {
  readonly database: string;
}

export type RoleState = 'missing' | 'ours' | 'foreign';

/** Whether the role exists and was created for this target, which `ensureLoginRole` records in the role's comment. */
export async function roleState(client: pg.ClientBase, { targetId, role }: TargetRole): Promise<RoleState> {
  const { rows } = await client.query<{ ours: boolean }>(
    `SELECT shobj_description(oid, 'pg_authid') IS NOT DISTINCT FROM $2 AS ours FROM pg_roles WHERE rolname = $1`,
    [role, roleComment(targetId)],
  );
  if (!rows[0]) return 'missing';
  return rows[0].ours ? 'ours' : 'foreign';
}

/**
 * Makes the connected role a member of a login role that it created, as required to terminate that role's sessions and
 * to drop its privileges. CREATEROLE is enough: PostgreSQL 15 lets it grant every role, later versions the roles it
 * created.
 */
export async function joinRole(client: pg.ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ joined: boolean; version: number }>(
    `SELECT pg_has_role($1, 'USAGE') AS joined, current_setting('server_version_num')::int AS version`,
    [role],
  );
  if (rows[0]?.joined !== false) return;
  const inheriting = rows[0].version >= 160_000 ? ' WITH INHERIT TRUE' : '';
  await client.query(`GRANT ${pg.escapeIdentifier(role)} TO CURRENT_USER${inheriting}`);
}

/**
 * Checks that `joinRole` will succeed. Only an operator can make the owner a member of a role that it did not create.
 *
 * @param client not in a transaction
 * @throws MissingMembershipError
 */
export async function assertMayJoin(client: pg.ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<{ owner: string }>('SELECT current_user AS owner');
  await client.query('BEGIN');
  try {
    await joinRole(client, role);
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === INSUFFICIENT_PRIVILEGE) {
      throw new MissingMembershipError(role, rows[0]!.owner, error);
    }
    throw error;
  } finally {
    await client.query('ROLLBACK');
  }
}
