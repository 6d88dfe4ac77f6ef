import pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { driverError } from '../../platform/postgres/driver-error.js';
import { roleComment } from '../model/role-comment.js';

/** Connections above the limit of a server: those that instances have closed, and the server has not yet. */
const CLOSING = { least: 5, part: 0.1 };
/** `CONNECTION LIMIT` of a role that has none. */
export const UNLIMITED = -1;

const INSUFFICIENT_PRIVILEGE = '42501';
/** The role was dropped since it was listed. */
const UNDEFINED_OBJECT = '42704';

/** Sends SQL as the owner of a server, and resolves with the rows of the last statement. */
export type OwnerQuery = <Row>(sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

/** What has become of the login roles whose limit was another one. */
export interface LimitedRoles {
  readonly limited: readonly string[];
  /** Roles that the owner may not change. */
  readonly refused: readonly string[];
}

// Citus opens connections as the login role by itself, to other nodes and to its own.
const HAS_CITUS = `SELECT current_setting('citus.max_shared_pool_size', true) IS NOT NULL AS "hasCitus"`;

const DIFFERING = `
  SELECT rolname AS role FROM pg_roles WHERE rolconnlimit <> $2 AND shobj_description(oid, 'pg_authid') = ANY ($1)`;

/** How many connections each login role may have to a server whose connections are limited. */
export function roleLimit(serverLimit: number): number {
  return serverLimit + Math.max(CLOSING.least, Math.ceil(serverLimit * CLOSING.part));
}

/**
 * Sets the `CONNECTION LIMIT` of the login roles that were created for these targets: should an instance open more than it is lent, or
 * another program use the role, the server refuses it, and keeps what is left for others. While a role is rotated, each of both
 * has it. With Citus the roles are unlimited. Each role is changed by itself, so that what else changes it waits for a moment at most.
 *
 * @param limitNow asked again for each role, as it may change meanwhile; -1 for none
 */
export async function limitRoles(
  query: OwnerQuery,
  targetIds: readonly string[],
  limitNow: () => number,
): Promise<LimitedRoles> {
  const [server] = await query<{ hasCitus: boolean }>(HAS_CITUS);
  const limit = (): number => (server?.hasCitus ? UNLIMITED : limitNow());
  const roles = await query<{ role: string }>(DIFFERING, [targetIds.map(roleComment), limit()]);
  const limited: string[] = [];
  const refused: string[] = [];
  for (const { role } of roles) {
    try {
      await query(`${LOCK}; ALTER ROLE ${pg.escapeIdentifier(role)} CONNECTION LIMIT ${limit()}`);
      limited.push(role);
    } catch (error) {
      const code = sqlStateOf(error);
      if (code === INSUFFICIENT_PRIVILEGE) refused.push(role);
      else if (code !== UNDEFINED_OBJECT) throw error;
    }
  }
  return { limited, refused };
}

/** Of two sessions that change one row of `pg_authid` at once, PostgreSQL fails the second one. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.roleLimits}'))`;

function sqlStateOf(error: unknown): string | undefined {
  const cause = driverError(error);
  return cause instanceof pg.DatabaseError ? cause.code : undefined;
}
