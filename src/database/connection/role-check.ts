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

/** The first oid of what users make (https://www.postgresql.org/docs/current/system-catalog-initial-data.html). */
const FIRST_NORMAL_OBJECT_ID = 16_384;

// A role may also get there through membership (SET ROLE), hence pg_has_role over every dangerous role; and it may be
// set to begin as another role, hence session_user. FORCE does not hold an owner: it may switch the policies off.
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

// A view that does not say `security_invoker`, and any materialized view, shows its owner's rows: everybody's. Asked only
// where there are views: on a connection that knows nothing yet, planning this takes as long as all the rest of the check.
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
  const ask = async <Row extends pg.QueryResultRow>(text: string): Promise<Row | undefined> => {
    const question = { text, query_timeout: timeoutMs };
    return (await client.query<Row>(question)).rows[0];
  };
  const refuse = (why: string): never => {
    throw new UnsafeRoleError(targetName(target), why);
  };
  const facts = await ask<RoleFacts>(ROLE_FACTS);
  if (!facts) return refuse('is unknown to the server');
  if (facts.superuser) refuse('is a superuser or may become one');
  if (facts.bypassrls) refuse('has BYPASSRLS or may take a role that has');
  if (facts.owns_tenant_tables) refuse('owns tenant tables');
  if (facts.has_default_stamp) refuse('has a default for app.tenant_id');
  const view = facts.has_views ? await ask<{ readonly name: string | null }>(EXPOSING_VIEW) : undefined;
  if (view?.name) refuse(`may read the view ${view.name}, which passes the policies by`);
}
