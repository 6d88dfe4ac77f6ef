import type pg from 'pg';
import type { ConnectionTarget } from './connection-target.js';
import { targetName } from './connection-pool.js';
import { UnsafeRoleError } from './pool.errors.js';

interface RoleFacts {
  readonly superuser: boolean;
  readonly bypassrls: boolean;
  readonly owns_tenant_tables: boolean;
  readonly has_default_stamp: boolean;
  readonly exposing_view: string | null;
}

// A role may also get there through membership (SET ROLE), hence pg_has_role over every dangerous role; and it may be
// set to begin as another role, hence session_user. FORCE does not hold an owner: it may switch the policies off.
// A view that does not say `security_invoker`, and any materialized view, shows its owner's rows: everybody's.
const ROLE_FACTS = `
  WITH RECURSIVE exposed AS (
    SELECT oid, false AS is_view FROM pg_class WHERE relrowsecurity
    UNION
    SELECT v.oid, true
    FROM exposed
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = exposed.oid
      AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid
    JOIN pg_class v ON v.oid = w.ev_class AND v.relkind IN ('v', 'm')
    WHERE NOT EXISTS (SELECT FROM pg_options_to_table(v.reloptions) o
                      WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)
  )
  SELECT coalesce(bool_or(r.rolsuper), false) AS superuser,
         coalesce(bool_or(r.rolbypassrls), false) AS bypassrls,
         EXISTS (SELECT FROM pg_class c
                 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity
                   AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS owns_tenant_tables,
         coalesce(current_setting('app.tenant_id', true), '') <> '' AS has_default_stamp,
         (SELECT min(oid::regclass::text) FROM exposed
          WHERE is_view AND has_table_privilege(session_user, oid, 'SELECT')) AS exposing_view
  FROM pg_roles r
  WHERE pg_has_role(session_user, r.oid, 'MEMBER')`;

/**
 * Refuses a login role that row-level security would not hold: superuser, BYPASSRLS, or owner of the tables
 * (https://www.postgresql.org/docs/current/ddl-rowsecurity.html); and one that is some tenant before it was stamped.
 *
 * @throws UnsafeRoleError, and an error of node-postgres when the server does not answer within `timeoutMs`
 */
export async function assertRoleIsHeldByPolicies(
  client: pg.ClientBase,
  target: ConnectionTarget,
  timeoutMs: number,
): Promise<void> {
  const question = { text: ROLE_FACTS, query_timeout: timeoutMs };
  const { rows } = await client.query<RoleFacts>(question);
  const facts = rows[0];
  if (!facts) throw new UnsafeRoleError(targetName(target), 'is unknown to the server');
  if (facts.superuser) throw new UnsafeRoleError(targetName(target), 'is a superuser or may become one');
  if (facts.bypassrls) throw new UnsafeRoleError(targetName(target), 'has BYPASSRLS or may take a role that has');
  if (facts.owns_tenant_tables) throw new UnsafeRoleError(targetName(target), 'owns tenant tables');
  if (facts.exposing_view !== null) {
    throw new UnsafeRoleError(
      targetName(target),
      `may read the view ${facts.exposing_view}, which passes the policies by`,
    );
  }
  if (facts.has_default_stamp) throw new UnsafeRoleError(targetName(target), 'has a default for app.tenant_id');
}
