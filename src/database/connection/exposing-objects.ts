import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';
import { IS_REFERENCE_POLICY } from '../isolation/reference-policy.js';
import { FORMER_POLICY, TENANT_POLICIES } from '../isolation/tenant-policies.js';

/** Tenantry's own policies of a tenant table; `tenant_isolation` was the only one of former versions. */
const TENANT_POLICY_NAMES = [FORMER_POLICY, ...TENANT_POLICIES.map(({ name }) => name)];

/** SQL condition: the policy `p` (a row of `pg_policy`) is one of Tenantry's own. */
export const IS_OWN_POLICY = `(${TENANT_POLICY_NAMES.map((name) => `p.polname = '${name}'`).join(' OR ')}
  OR ${IS_REFERENCE_POLICY})`;

/** The first OID of user-created objects (https://www.postgresql.org/docs/current/system-catalog-initial-data.html). */
export const FIRST_NORMAL_OBJECT_ID = 16_384;

/** Further ones usually have the same cause. */
const MAX_REASONS = 5;

// Privileges on one column are enough to read or write, and those of a role that the login role may assume count, too.
const canUse = (relation: string): string => `EXISTS (
  SELECT FROM assumable r WHERE has_any_column_privilege(r.oid, ${relation}, 'SELECT, INSERT, UPDATE')
                             OR has_table_privilege(r.oid, ${relation}, 'DELETE'))`;
const canRead = (relation: string): string =>
  `EXISTS (SELECT FROM assumable r WHERE has_any_column_privilege(r.oid, ${relation}, 'SELECT'))`;

/**
 * Selects what lets the login role past the policies, in one column `reason`, which continues "its login role …". $1:
 * the trusted functions.
 *
 * - A view without `security_invoker`, and any materialized view, shows the rows that its owner sees: those of all tenants.
 *   The rows of a view that reads such a view are the same, so all views over tenant tables are followed. A materialized
 *   view over a function is taken for one over tenant tables: what the function reads is unknown.
 * - The actions of a rule run with the rights of its table's owner.
 * - Objects of a temporary schema belong to a login role, and bypass nothing.
 * - TRUNCATE is subject to no policy, and a trigger would run within other tenants' statements.
 */
export const EXPOSING_OBJECTS = `
  WITH RECURSIVE assumable AS MATERIALIZED (
    SELECT oid FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')
  ), tenant_tables AS MATERIALIZED (
    SELECT oid, relowner FROM pg_class WHERE relrowsecurity
  ), sources (class, oid) AS (
    SELECT 'pg_class'::regclass::oid, oid FROM tenant_tables
    UNION ALL
    SELECT 'pg_proc'::regclass::oid, oid FROM pg_proc WHERE oid >= ${FIRST_NORMAL_OBJECT_ID}
  ), dependent AS (
    SELECT v.oid, v.relkind, v.reloptions, w.ev_type
    FROM sources s
    JOIN pg_depend d ON d.refclassid = s.class AND d.refobjid = s.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid
    JOIN pg_class v ON v.oid = w.ev_class AND v.relpersistence <> 't'
    WHERE s.class = 'pg_class'::regclass OR v.relkind = 'm'
    UNION
    SELECT v.oid, v.relkind, v.reloptions, w.ev_type
    FROM dependent s
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid
    JOIN pg_class v ON v.oid = w.ev_class AND v.relpersistence <> 't'
  ), reasons (reason) AS (
    SELECT 'may truncate the table ' || t.oid::regclass || ' or add triggers to it'
    FROM tenant_tables t
    WHERE EXISTS (SELECT FROM assumable r WHERE has_table_privilege(r.oid, t.oid, 'TRUNCATE, TRIGGER'))
    UNION ALL
    SELECT 'may use the table ' || c.oid::regclass || ', which has a tenant_id and no row-level security'
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity AND c.relpersistence <> 't'
      AND c.oid >= ${FIRST_NORMAL_OBJECT_ID}
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
      AND ${canUse('c.oid')}
    UNION ALL
    SELECT 'may use the foreign table ' || c.oid::regclass || ', which has no policies'
    FROM pg_class c WHERE c.relkind = 'f' AND ${canUse('c.oid')}
    UNION ALL
    SELECT 'is admitted to the table ' || t.oid::regclass || ' by the policy ' || quote_ident(p.polname)
    FROM tenant_tables t JOIN pg_policy p ON p.polrelid = t.oid
    WHERE p.polpermissive AND NOT ${IS_OWN_POLICY}
      AND (0 = ANY (p.polroles) OR EXISTS (SELECT FROM assumable r WHERE r.oid = ANY (p.polroles)))
      AND ${canUse('t.oid')}
    UNION ALL
    SELECT 'may ' || CASE WHEN ${canRead('d.oid')} THEN 'read' ELSE 'write to' END || ' the view ' || d.oid::regclass
           || ', which bypasses the policies'
    FROM dependent d
    WHERE d.relkind IN ('v', 'm') AND NOT (d.ev_type = '1' AND EXISTS (
            SELECT FROM pg_options_to_table(d.reloptions) o
            WHERE o.option_name = 'security_invoker' AND o.option_value::boolean))
      AND ${canUse('d.oid')}
    UNION ALL
    SELECT 'may use the table ' || d.oid::regclass || ', whose rules bypass the policies'
    FROM dependent d WHERE d.relkind NOT IN ('v', 'm') AND ${canUse('d.oid')}
    UNION ALL
    SELECT 'may execute the function ' || p.oid::regprocedure || ', which bypasses the policies'
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
    WHERE p.prosecdef AND n.nspname <> '${ISOLATION_SCHEMA}'
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND (o.rolsuper OR o.rolbypassrls
           OR EXISTS (SELECT FROM tenant_tables t WHERE pg_has_role(o.oid, t.relowner, 'MEMBER')))
      AND EXISTS (SELECT FROM assumable r WHERE has_function_privilege(r.oid, p.oid, 'EXECUTE')
                                            AND has_schema_privilege(r.oid, n.oid, 'USAGE'))
      AND NOT ${isTrustedSql('$1::text[]')}
  )
  SELECT DISTINCT reason FROM reasons ORDER BY reason LIMIT ${MAX_REASONS}`;

/** Injection token of the names of the SECURITY DEFINER functions that login roles may execute, see `TenantSchema`. */
export const TRUSTED_FUNCTIONS = Symbol.for('tenantry/TRUSTED_FUNCTIONS');

/**
 * SQL condition: whether one of the `names` (an SQL expression of type `text[]`) is that of the function `p` (a row of
 * `pg_proc`) in its schema `n` (a row of `pg_namespace`): `schema.name`, or `schema.name(type,type)`.
 */
export function isTrustedSql(names: string): string {
  const name = `format('%I.%I', n.nspname, p.proname)`;
  return `EXISTS (
    SELECT FROM unnest(${names}) trusted
    WHERE replace(trusted, ', ', ',') IN
      (${name}, format('%s(%s)', ${name}, replace(oidvectortypes(p.proargtypes), ', ', ','))))`;
}
