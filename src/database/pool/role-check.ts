import type pg from 'pg';
import type { ConnectionTarget } from './connection-target.js';
import { targetName } from './connection-pool.js';
import { UnsafeRoleError } from './pool.errors.js';

interface RoleFacts {
  readonly superuser: boolean;
  readonly bypassrls: boolean;
  readonly owns_tenant_tables: boolean;
  readonly has_default_stamp: boolean;
}

// A role may also get there through membership (SET ROLE), hence pg_has_role over every dangerous role; and it may be
// set to begin as another role, hence session_user. FORCE does not hold an owner: it may switch the policies off.
const ROLE_FACTS = `
  SELECT coalesce(bool_or(r.rolsuper), false) AS superuser,
         coalesce(bool_or(r.rolbypassrls), false) AS bypassrls,
         EXISTS (SELECT FROM pg_class c
                 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity
                   AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS owns_tenant_tables,
         coalesce(current_setting('app.tenant_id', true), '') <> '' AS has_default_stamp
  FROM pg_roles r
  WHERE pg_has_role(session_user, r.oid, 'MEMBER')`;

/**
 * Refuses a login role that row-level security would not hold: superuser, BYPASSRLS, or owner of the tables
 * (https://www.postgresql.org/docs/current/ddl-rowsecurity.html); and one that is some tenant before it was stamped.
 *
 * @throws UnsafeRoleError
 */
export async function assertRoleIsHeldByPolicies(client: pg.ClientBase, target: ConnectionTarget): Promise<void> {
  const { rows } = await client.query<RoleFacts>(ROLE_FACTS);
  const facts = rows[0];
  if (!facts) throw new UnsafeRoleError(targetName(target), 'is unknown to the server');
  if (facts.superuser) throw new UnsafeRoleError(targetName(target), 'is a superuser or may become one');
  if (facts.bypassrls) throw new UnsafeRoleError(targetName(target), 'has BYPASSRLS or may take a role that has');
  if (facts.owns_tenant_tables) throw new UnsafeRoleError(targetName(target), 'owns tenant tables');
  if (facts.has_default_stamp) throw new UnsafeRoleError(targetName(target), 'has a default for app.tenant_id');
}
