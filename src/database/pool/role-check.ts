import type pg from 'pg';
import type { ConnectionTarget } from './connection-target.js';
import { targetName } from './connection-pool.js';
import { UnsafeRoleError } from './pool.errors.js';

interface RoleFacts {
  readonly superuser: boolean;
  readonly bypassrls: boolean;
  readonly owns_tenant_tables: boolean;
}

// A role may also get there through membership (SET ROLE), hence pg_has_role over every dangerous role.
const ROLE_FACTS = `
  SELECT coalesce(bool_or(r.rolsuper), false) AS superuser,
         coalesce(bool_or(r.rolbypassrls), false) AS bypassrls,
         EXISTS (SELECT FROM pg_class c
                 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND NOT c.relforcerowsecurity
                   AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns_tenant_tables
  FROM pg_roles r
  WHERE pg_has_role(current_user, r.oid, 'MEMBER')`;

/**
 * Refuses a login role that row-level security would not hold: superuser, BYPASSRLS, or owner of the tables
 * (https://www.postgresql.org/docs/current/ddl-rowsecurity.html).
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
}
