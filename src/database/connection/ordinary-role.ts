import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';
import { FIRST_NORMAL_OBJECT_ID, IS_OWN_POLICY } from './exposing-objects.js';

// Most of the time goes to what a new backend must read of the system catalogs to understand the text. Hence:
// - literals and arguments have exactly the types of the operators and functions, since each other one is compared with
//   all that PostgreSQL could convert it to; no lists, whose types it would look up as well;
// - OFFSET 0, because PostgreSQL plans a correlated EXISTS twice without it.
//
// A table's privileges are asked for one by one, which is no plan for the catalogs of thousands of schemas.
const looks = [
  'me.rolsuper OR me.rolbypassrls OR me.rolcreaterole OR me.rolreplication',
  'EXISTS (SELECT FROM pg_auth_members m WHERE m.member = me.oid OFFSET 0)',
  // The owner of a database is its member without being recorded as one.
  `pg_has_role(session_user, 'pg_database_owner'::name, 'MEMBER'::text)`,
  `has_database_privilege(session_user, current_database()::text, 'CREATE'::text)`,
  `coalesce(current_setting('app.tenant_id'::text, true), '') <> ''`,
  `EXISTS (SELECT FROM pg_namespace n
           WHERE n.nspowner = me.oid OR has_schema_privilege(session_user, n.oid, 'CREATE'::text) OFFSET 0)`,
  `EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')`,
  `EXISTS (SELECT FROM pg_policy p WHERE p.polpermissive AND NOT ${IS_OWN_POLICY})`,
  `EXISTS (SELECT FROM pg_proc p
           WHERE p.oid >= '${FIRST_NORMAL_OBJECT_ID}' AND p.prosecdef
             AND NOT EXISTS (SELECT FROM pg_namespace n
                             WHERE n.oid = p.pronamespace AND n.nspname = '${ISOLATION_SCHEMA}' OFFSET 0))`,
  `EXISTS (SELECT FROM pg_class c
           WHERE c.oid >= '${FIRST_NORMAL_OBJECT_ID}'
             AND (c.relkind = 'v' OR c.relkind = 'm' OR c.relkind = 'f' OR c.relhasrules
                  OR (c.relkind = 'r' OR c.relkind = 'p')
                     AND (c.relowner = me.oid
                          OR CASE WHEN c.relrowsecurity
                             THEN has_table_privilege(session_user, c.oid, 'TRUNCATE, TRIGGER'::text)
                             ELSE EXISTS (SELECT FROM pg_attribute a
                                          WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' OFFSET 0) END)) OFFSET 0)`,
];

/**
 * Selects, in one row and column `is_ordinary`, whether a login role is as provisioning makes it, in a database without
 * anything that could expose rows: then it is subject to the policies. Anything else, and no row or NULL, means that it must be
 * looked at, not that it is unsafe: the role may be a member of a harmless one, or there may be a view that it may not read.
 */
export const ORDINARY_ROLE = `
  SELECT NOT (${looks.join('\n    OR ')}) AS is_ordinary
  FROM pg_roles me WHERE me.rolname = session_user`;
