import pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { roleComment } from '../model/role-comment.js';

/** Connections above the limit of a server: those that instances have closed, and the server has not yet. */
const CLOSING = { least: 5, part: 0.1 };

/** Roles that one transaction changes. */
const AT_ONCE = 200;

/** Sends SQL as the owner of a server, and resolves with the rows of the last statement. */
export type OwnerQuery = <Row>(sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

// Citus opens connections as the login role by itself, to other nodes and to its own.
const DIFFERING = `
  SELECT rolname AS role FROM pg_roles
  WHERE rolconnlimit <> $2 AND shobj_description(oid, 'pg_authid') = ANY ($1)
    AND current_setting('citus.max_shared_pool_size', true) IS NULL`;

/** How many connections each login role may have to a server whose connections are limited. */
export function roleLimit(serverLimit: number): number {
  return serverLimit + Math.max(CLOSING.least, Math.ceil(serverLimit * CLOSING.part));
}

/**
 * Sets the `CONNECTION LIMIT` of the login roles that were created for these targets: should an instance open more than it is lent, or
 * another program use the role, the server refuses it, and keeps what is left for others. While a role is rotated, each of both
 * has it.
 *
 * @returns the roles whose limit was another one
 */
export async function limitRoles(
  query: OwnerQuery,
  targetIds: readonly string[],
  serverLimit: number,
): Promise<readonly string[]> {
  const limit = roleLimit(serverLimit);
  const rows = await query<{ role: string }>(DIFFERING, [targetIds.map(roleComment), limit]);
  if (rows.length === 0) return [];
  const lock = `SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.roleLimits}'))`; // two instances change the same rows
  const changes = rows.map(({ role }) => `ALTER ROLE ${pg.escapeIdentifier(role)} CONNECTION LIMIT ${limit}`);
  for (let at = 0; at < changes.length; at += AT_ONCE) {
    await query([lock, ...changes.slice(at, at + AT_ONCE)].join('; '));
  }
  return rows.map(({ role }) => role);
}
