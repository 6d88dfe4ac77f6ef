import type pg from 'pg';
import { isReferenceTableSql, REFERENCE_POLICY } from '../../isolation/reference-policy.js';
import { HAS_CITUS } from '../../citus/citus.js';
import { FORMER_POLICY, TENANT_POLICIES, withoutSubquery } from '../../isolation/tenant-policies.js';
import { ADOPTION_POLICY } from '../adoption/adoption-step.js';
import { MIGRATIONS_TABLE } from '../versions/recorded-migrations.js';

/** Per database; further problems usually have the same cause. */
const MAX_REPORTED = 20;

/** Of a table whose former application is still admitted. */
export const ADOPTING = 'admits the former application until its adoption is finished';

export const FORMER = 'has the policy of a former release, which trusts unsigned stamps';

export interface TableProblem {
  readonly schema: string;
  readonly table: string | null;
  readonly problem: string;
}

/** The letters by which `pg_policy` knows commands. */
const COMMANDS = { SELECT: 'r', INSERT: 'a', UPDATE: 'w', DELETE: 'd' } as const;

/** PostgreSQL names the column of a subquery after its function. */
function deparsed(condition: string | undefined): string | null {
  return condition?.replace(/\(SELECT (\w+\.(\w+)\(\))\)/, '( SELECT $1 AS $2)').replace(/.*/, '($&)') ?? null;
}

/** The policies of a tenant table, as PostgreSQL deparses them. */
const POLICIES = JSON.stringify(
  TENANT_POLICIES.map(({ name, command, using, withCheck }) => ({
    name,
    command: COMMANDS[command],
    using: deparsed(using),
    with_check: deparsed(withCheck),
    plain_using: deparsed(using && withoutSubquery(using)),
    plain_with_check: deparsed(withCheck && withoutSubquery(withCheck)),
  })),
);

// One statement for all schemas of a database. Tables are found through pg_depend, which has an index for it, because
// pg_class has none on the schema. Permissive policies are combined with OR, so an additional one may show rows that the
// first one hides.
const PROBLEMS = `
  WITH expected AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb) e(name text, command text, "using" text, with_check text, plain_using text, plain_with_check text)
  ), schemas AS (
    SELECT name, n.oid FROM unnest($1::text[]) name LEFT JOIN pg_namespace n ON n.nspname = name
  ), tables AS (
    SELECT s.name AS schema, c.oid, c.relname, c.relrowsecurity FROM schemas s
    JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
      AND d.classid = 'pg_class'::regclass
    JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p') AND c.relname <> '${MIGRATIONS_TABLE}'
  ), facts AS (
    SELECT t.*, ${isReferenceTableSql('t.oid')} AS is_reference,
      EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = '${REFERENCE_POLICY}'
              AND NOT (p.polpermissive AND 0 = ANY (p.polroles) AND pg_get_expr(p.polqual, t.oid) = 'true'))
        AS has_different_reference_policy,
      (SELECT min(p.polname) FROM pg_policy p
       WHERE p.polrelid = t.oid AND p.polpermissive AND p.polname <> '${REFERENCE_POLICY}') AS other_than_reference_policy,
      EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
        AS has_column,
      EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = '${FORMER_POLICY}') AS has_former_policy,
      (SELECT min(e.name) FROM expected e
       WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = e.name)) AS missing_policy,
      (SELECT min(e.name) FROM expected e JOIN pg_policy p ON p.polrelid = t.oid AND p.polname = e.name
       WHERE NOT (p.polpermissive AND p.polcmd::text = e.command AND 0 = ANY (p.polroles)
         AND (pg_get_expr(p.polqual, t.oid) IS NOT DISTINCT FROM e."using"
              AND pg_get_expr(p.polwithcheck, t.oid) IS NOT DISTINCT FROM e.with_check
           OR ${HAS_CITUS}
              AND pg_get_expr(p.polqual, t.oid) IS NOT DISTINCT FROM e.plain_using
              AND pg_get_expr(p.polwithcheck, t.oid) IS NOT DISTINCT FROM e.plain_with_check))) AS different_policy,
      (SELECT min(p.polname) FROM pg_policy p
       WHERE p.polrelid = t.oid AND p.polpermissive AND p.polname NOT IN (SELECT name FROM expected)
         AND (p.polname <> '${ADOPTION_POLICY}' OR 0 = ANY (p.polroles))) AS other_policy,
      EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = '${ADOPTION_POLICY}') AS is_being_adopted,
      CASE WHEN to_regrole(quote_ident($4::text)) IS NULL THEN false
        ELSE NOT has_any_column_privilege($4::text::name, t.oid, 'SELECT, INSERT, UPDATE')
          AND NOT has_table_privilege($4::text::name, t.oid, 'DELETE') END AS is_beside
    FROM tables t
  ), problems AS (
    SELECT schema, relname AS "table", CASE
      WHEN NOT has_column AND is_beside THEN NULL
      WHEN NOT has_column AND NOT is_reference THEN 'has no tenant_id'
      WHEN NOT relrowsecurity THEN 'has row-level security disabled'
      WHEN is_reference THEN CASE
        WHEN has_different_reference_policy THEN 'has a different condition in its policy ${REFERENCE_POLICY}'
        WHEN other_than_reference_policy IS NOT NULL
          THEN 'has an additional policy, ' || quote_ident(other_than_reference_policy)
        END
      WHEN has_former_policy THEN '${FORMER}'
      WHEN missing_policy IS NOT NULL THEN 'lacks the policy ' || missing_policy
      WHEN different_policy IS NOT NULL THEN 'has a different condition in its policy ' || different_policy
      WHEN other_policy IS NOT NULL THEN 'has an additional policy, ' || quote_ident(other_policy)
      WHEN is_being_adopted THEN '${ADOPTING}'
      END AS problem
    FROM facts
    UNION ALL
    SELECT name, NULL, 'does not exist' FROM schemas WHERE oid IS NULL
    UNION ALL
    SELECT name, NULL, 'has no tables' FROM schemas s
    WHERE oid IS NOT NULL AND $3 AND NOT EXISTS (SELECT FROM tables WHERE tables.schema = s.name)
  )
  SELECT * FROM problems WHERE problem IS NOT NULL ORDER BY schema, "table" LIMIT ${MAX_REPORTED}`;

/**
 * What is wrong with the tables of schemas, the first thing of each table.
 *
 * @param tables.hasTables whether a schema without tables is a problem, too
 * @param tables.besides the login role, where tables that it cannot use may have no tenant: those that were not adopted
 */
export async function findTableProblems(
  client: pg.ClientBase,
  schemas: readonly string[],
  { hasTables, besides }: { readonly hasTables: boolean; readonly besides?: string | undefined },
): Promise<TableProblem[]> {
  return (await client.query<TableProblem>(PROBLEMS, [schemas, POLICIES, hasTables, besides ?? null])).rows;
}
