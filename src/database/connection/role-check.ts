import type pg from 'pg';
import { type ConnectionTarget, targetName } from './connection-target.js';
import { UnsafeRoleError } from './connection.errors.js';
import { HAS_CITUS } from '../citus/citus.js';
import { citusObstacle } from '../citus/citus-obstacles.js';
import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';
import { EXPOSING_OBJECTS, FIRST_NORMAL_OBJECT_ID, IS_OWN_POLICY } from './exposing-objects.js';
import { ORDINARY_ROLE } from './ordinary-role.js';

export interface RoleCheckOptions {
  /** Per statement. */
  readonly timeoutMs: number;
  /** `TenantSchema.trustedFunctions`. */
  readonly trustedFunctions: readonly string[];
}

interface RoleFacts {
  readonly superuser: boolean;
  readonly bypassrls: boolean;
  readonly manages_roles: boolean;
  readonly replicates: boolean;
  /** A predefined role that reads or writes what is granted to no login role, such as the server's files. */
  readonly powerful_role: string | null;
  readonly owns_tenant_tables: boolean;
  readonly has_default_stamp: boolean;
  readonly creates_in_schema: string | null;
  readonly creates_schemas: boolean;
  /** Whether the database has Citus. */
  readonly has_citus: boolean;
  /** Whether there is anything that may let the role past the policies, so that it must be looked at. */
  readonly needs_closer_look: boolean;
}

/** https://www.postgresql.org/docs/current/predefined-roles.html */
const POWERFUL_ROLES = [
  ...['pg_read_all_data', 'pg_write_all_data', 'pg_maintain', 'pg_create_subscription'],
  ...['pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'],
];

// A role can also gain privileges through membership (SET ROLE), hence pg_has_role over every dangerous role; and its
// sessions may start as another role, hence session_user. FORCE does not restrain an owner, who can disable the
// policies. A role with CREATEROLE makes itself a member of the owner before PostgreSQL 16, and one that creates
// functions in a schema of the search path has them called within other tenants' statements.
//
// Each table of the system catalogs is read once, and each distinct list of privileges is looked at once: with thousands
// of schemas the catalogs have hundreds of thousands of rows.
const ROLE_FACTS = `
  WITH assumable AS MATERIALIZED (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolreplication
    FROM pg_roles r WHERE pg_has_role(session_user, r.oid, 'MEMBER')
  ), role AS MATERIALIZED (
    SELECT coalesce(bool_or(rolsuper), false) AS superuser,
           coalesce(bool_or(rolbypassrls), false) AS bypassrls,
           coalesce(bool_or(rolcreaterole), false) AS manages_roles,
           coalesce(bool_or(rolreplication), false) AS replicates,
           min(rolname::text) FILTER (WHERE rolname = ANY ('{${POWERFUL_ROLES.join(',')}}')) AS powerful_role,
           count(*) > 1 AS assumes_others,
           array_agg(oid) AS oids
    FROM assumable
  ), relation AS MATERIALIZED (
    SELECT c.relacl, bool_or(c.relrowsecurity) AS is_tenant_table,
           coalesce(bool_or(CASE WHEN c.relrowsecurity THEN pg_has_role(session_user, c.relowner, 'MEMBER') END), false)
             AS owns_tenant_tables,
           bool_or(CASE
             WHEN c.relkind IN ('v', 'm', 'f') OR c.relhasrules THEN true
             WHEN c.relrowsecurity THEN false
             ELSE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
             END) AS is_suspicious
    FROM pg_class c
    WHERE c.oid >= ${FIRST_NORMAL_OBJECT_ID} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
    GROUP BY c.relacl
  )
  SELECT role.*, EXISTS (SELECT FROM relation WHERE owns_tenant_tables) AS owns_tenant_tables,
         coalesce(current_setting('app.tenant_id', true), '') <> '' AS has_default_stamp,
         (SELECT min(n.nspname::text) FROM pg_namespace n LEFT JOIN LATERAL aclexplode(n.nspacl) a ON true
          WHERE n.nspowner = ANY (role.oids)
             OR a.privilege_type = 'CREATE' AND a.grantee = ANY (role.oids || 0::oid)) AS creates_in_schema,
         has_database_privilege(session_user, current_database(), 'CREATE') AS creates_schemas,
         ${HAS_CITUS} AS has_citus,
         role.assumes_others
           OR EXISTS (SELECT FROM relation WHERE is_suspicious)
           OR EXISTS (SELECT FROM relation, aclexplode(relacl) a
                      WHERE is_tenant_table AND a.privilege_type IN ('TRUNCATE', 'TRIGGER')
                        AND a.grantee = ANY (role.oids || 0::oid))
           OR EXISTS (SELECT FROM pg_policy p WHERE p.polpermissive AND NOT ${IS_OWN_POLICY})
           OR EXISTS (SELECT FROM pg_proc p
                      WHERE p.oid >= ${FIRST_NORMAL_OBJECT_ID} AND p.prosecdef
                        AND p.pronamespace IS DISTINCT FROM to_regnamespace('${ISOLATION_SCHEMA}')) AS needs_closer_look
  FROM role`;

/**
 * Rejects a login role that row-level security does not restrain: a superuser, one with BYPASSRLS, or an owner of
 * tenant tables (https://www.postgresql.org/docs/current/ddl-rowsecurity.html); also one that has a tenant id before
 * its first stamp, that could create objects, or that may use an object which bypasses the policies.
 *
 * The objects are looked at only where there are any: on a new connection (empty catalog caches), planning that query
 * takes as long as the rest of the check. In a tenant's own database, where the first request waits for all of it, an
 * ordinary role is recognised by less than half of the rest.
 *
 * @returns whether the database has Citus
 * @throws UnsafeRoleError, or an error of node-postgres when the server does not respond within `timeoutMs`
 */
export async function assertRoleIsSubjectToPolicies(
  client: pg.ClientBase,
  target: ConnectionTarget,
  { timeoutMs, trustedFunctions }: RoleCheckOptions,
): Promise<boolean> {
  const queryRows = async <Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> => {
    const query = { text, values, query_timeout: timeoutMs };
    return (await client.query<Row>(query)).rows;
  };
  const reject = (reason: string): never => {
    throw new UnsafeRoleError(targetName(target), reason);
  };
  if (!target.shared) {
    const [role] = await queryRows<{ readonly is_ordinary: boolean | null }>(ORDINARY_ROLE);
    if (role?.is_ordinary === true) return false;
  }
  const [facts] = await queryRows<RoleFacts>(ROLE_FACTS);
  if (!facts) return reject('does not exist on the server');
  const reason = reasonIn(facts);
  if (reason !== undefined) reject(reason);
  const obstacle = facts.has_citus ? await citusObstacle(target.shared, queryRows) : undefined;
  if (obstacle !== undefined) reject(obstacle);
  if (!facts.needs_closer_look) return facts.has_citus;
  const reasons = await queryRows<{ readonly reason: string }>(EXPOSING_OBJECTS, [trustedFunctions]);
  if (reasons.length > 0) reject(reasons.map((row) => row.reason).join('; '));
  return facts.has_citus;
}

function reasonIn(facts: RoleFacts): string | undefined {
  if (facts.superuser) return 'is a superuser or can become one';
  if (facts.bypassrls) return 'has BYPASSRLS or can assume a role that has it';
  if (facts.owns_tenant_tables) return "owns tenant tables or can assume their owner's role";
  if (facts.powerful_role !== null) return `is a member of ${facts.powerful_role}`;
  if (facts.manages_roles) return 'has CREATEROLE or can assume a role that has it';
  if (facts.replicates) return 'has REPLICATION or can assume a role that has it';
  if (facts.has_default_stamp) return 'has a default for app.tenant_id';
  if (facts.creates_in_schema !== null) return `may create objects in the schema ${facts.creates_in_schema}`;
  if (facts.creates_schemas) return 'may create schemas';
  return undefined;
}
