import type pg from 'pg';
import type { ConnectionTarget } from './connection-target.js';
import { targetName } from './connection-target.js';
import { UnsafeRoleError } from './connection.errors.js';

interface RoleFacts {
  readonly superuser: boolean;
  readonly bypassrls: boolean;
  readonly owns_tenant_tables: boolean;
  readonly has_default_stamp: boolean;
  readonly has_views: boolean;
}

/** The first OID of user-created objects (https://www.postgresql.org/docs/current/system-catalog-initial-data.html). */
const FIRST_NORMAL_OBJECT_ID = 16_384;

// A role can also gain privileges through membership (SET ROLE), hence pg_has_role over every dangerous role; and its
// sessions may start as another role, hence session_user. FORCE does not restrain an owner, who can disable the
// policies.
const ROLE_FACTS = `
  SELECT coalesce(bool_or(r.rolsuper), false) AS superuser,
         coalesce(bool_or(r.rolbypassrls), false) AS bypassrls,
         EXISTS (SELECT FROM pg_class c
                 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity
                   AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS owns_tenant_tables,
         coalesce(current_setting('app.tenant_id', true), '') <> '' AS has_default_stamp,
         EXISTS (SELECT FROM pg_class c
                 WHERE c.relkind IN ('v', 'm') AND c.oid >= ${FIRST_NORMAL_OBJECT_ID}) AS has_views
  FROM pg_roles r
  WHERE pg_has_role(session_user, r.oid, 'MEMBER')`;

// A view without `security_invoker`, and any materialized view, shows the rows that its owner sees: those of all
// tenants. Queried only where there are views: on a new connection (empty catalog caches), planning this query takes as
// long as the rest of the check.
const EXPOSING_VIEW = `
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
  SELECT min(oid::regclass::text) AS name
  FROM exposed
  WHERE is_view AND has_table_privilege(session_user, oid, 'SELECT')`;

/**
 * Rejects a login role that row-level security does not restrain: a superuser, one with BYPASSRLS, or an owner of
 * tenant tables (https://www.postgresql.org/docs/current/ddl-rowsecurity.html); also one that has a tenant id before
 * its first stamp, and one that can read a view over tenant tables which bypasses the policies.
 *
 * @throws UnsafeRoleError, or an error of node-postgres when the server does not respond within `timeoutMs`
 */
export async function assertRoleIsSubjectToPolicies(
  client: pg.ClientBase,
  target: ConnectionTarget,
  timeoutMs: number,
): Promise<void> {
  const queryRow = async <Row extends pg.QueryResultRow>(text: string): Promise<Row | undefined> => {
    const query = { text, query_timeout: timeoutMs };
    return (await client.query<Row>(query)).rows[0];
  };
  const reject = (reason: string): never => {
    throw new UnsafeRoleError(targetName(target), reason);
  };
  const facts = await queryRow<RoleFacts>(ROLE_FACTS);
  if (!facts) return reject('does not exist on the server');
  if (facts.superuser) reject('is a superuser or can become one');
  if (facts.bypassrls) reject('has BYPASSRLS or can assume a role that has it');
  if (facts.owns_tenant_tables) reject("owns tenant tables or can assume their owner's role");
  if (facts.has_default_stamp) reject('has a default for app.tenant_id');
  const view = facts.has_views ? await queryRow<{ readonly name: string | null }>(EXPOSING_VIEW) : undefined;
  if (view?.name) reject(`may read the view ${view.name}, which bypasses the policies`);
}
