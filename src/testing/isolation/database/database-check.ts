import type pg from 'pg';
import { UnsafeRoleError } from '../../../database/connection/connection.errors.js';
import { EXPOSING_OBJECTS, FIRST_NORMAL_OBJECT_ID } from '../../../database/connection/exposing-objects.js';
import { assertRoleIsSubjectToPolicies } from '../../../database/connection/role-check.js';
import type { PoolOptions } from '../../../database/pool/pool-options.js';
import { findTableProblems } from '../../../database/table-migrations/verification/table-problems.js';
import { ANSWER_TIMEOUT_MS, queryServer } from '../../../doctor/diagnosis/query-server.js';
import type { Finding } from '../finding.js';
import type { Classification } from '../isolation-options.js';
import type { TableFacts } from '../tables/table-facts.js';
import type { TestedTenant } from '../tested-tenant.js';

export interface DatabaseCheckOptions {
  readonly pool: PoolOptions;
  readonly trustedFunctions: readonly string[];
  readonly classifyTables: Readonly<Record<string, Classification>>;
  /** Schemas in which other tenants of the database have the same tables: a finding about one would say the same again. */
  readonly otherSchemas: readonly string[];
}

/** Findings about the database; of two about one object, the first. */
export async function checkDatabase(
  tested: TestedTenant,
  tables: readonly TableFacts[],
  options: DatabaseCheckOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly isRoleRefused: boolean }> {
  const ofRole = await checkRole(tested, options);
  const ofTables = await checkTables(tested, tables, options);
  const isNamed = ({ where }: Finding): boolean =>
    ofRole.some(({ message }) => message.includes(`.${where.replace('table ', '')},`));
  return { findings: [...ofRole, ...ofTables.filter((each) => !isNamed(each))], isRoleRefused: ofRole.length > 0 };
}

/** Findings about the login role, and about objects that let it past the policies. */
function checkRole({ target }: TestedTenant, options: DatabaseCheckOptions): Promise<Finding[]> {
  const { pool, trustedFunctions, otherSchemas } = options;
  const where = `login role ${target.role}`;
  return queryServer(target, pool, async (client) => {
    const { rows } = await client.query<{ reason: string }>(EXPOSING_OBJECTS, [trustedFunctions]);
    const reasons = rows.map(({ reason }) => reason);
    const own = reasons.filter((reason) => !otherSchemas.some((schema) => reason.includes(`${schema}.`)));
    // The query returns a few reasons only, which may all be about others.
    if (reasons.length > 0) return (own.length > 0 ? own : reasons).map((reason) => bypass(where, reason));
    try {
      await assertRoleIsSubjectToPolicies(client, target, { timeoutMs: ANSWER_TIMEOUT_MS, trustedFunctions });
      return [];
    } catch (error) {
      if (!(error instanceof UnsafeRoleError)) throw error;
      return [bypass(where, error.reason)];
    }
  });
}

/** Findings about the tables: those of the tenants' schema, and any other that the login role may use. */
async function checkTables(
  tested: TestedTenant,
  tables: readonly TableFacts[],
  { pool, classifyTables, otherSchemas }: DatabaseCheckOptions,
): Promise<Finding[]> {
  return queryServer(tested.owner, pool, async (client) => {
    const problems = await findTableProblems(client, [tested.schema], { hasTables: false });
    const named = problems.flatMap(({ table, problem }) => (table === null ? [] : [{ table, problem }]));
    const found = await Promise.all(named.map((each) => isolationFinding(client, tested, each, classifyTables)));
    const foreign = await usableElsewhere(client, tested, otherSchemas);
    return [
      ...found.flat(),
      ...foreign
        .filter((name) => !(name in classifyTables))
        .map((name) => unclassified(name, 'the login role may use it')),
      ...(await writableReferences(client, tested, tables)),
      ...tables.filter(({ hasRowSecurity, isReference }) => hasRowSecurity && !isReference).flatMap(keyFindings),
    ];
  });
}

async function isolationFinding(
  client: pg.ClientBase,
  tested: TestedTenant,
  { table, problem }: { readonly table: string; readonly problem: string },
  classified: Readonly<Record<string, Classification>>,
): Promise<Finding[]> {
  const classification = classified[table];
  const where = `table ${table}`;
  if (classification === undefined && problem === 'has no tenant_id') return [unclassified(table, problem)];
  if (classification === undefined || classification === 'tenant') {
    return [{ code: 'TABLE_NOT_ISOLATED', where, message: `${problem}: create it with createTenantTable` }];
  }
  return writable(client, tested, table, `it is ${classification}`);
}

async function writableReferences(
  client: pg.ClientBase,
  tested: TestedTenant,
  tables: readonly TableFacts[],
): Promise<Finding[]> {
  const references = tables.filter(({ isReference }) => isReference);
  return (await Promise.all(references.map(({ table }) => writable(client, tested, table, REFERENCE)))).flat();
}

const REFERENCE = 'it is a reference table';

async function writable(
  client: pg.ClientBase,
  { schema, target }: TestedTenant,
  table: string,
  what: string,
): Promise<Finding[]> {
  const text = `SELECT has_any_column_privilege($1::name, c, 'INSERT, UPDATE') OR has_table_privilege($1::name, c, 'DELETE')
    AS writable FROM (SELECT format('%I.%I', $2::text, $3::text) AS c) t`;
  const { rows } = await client.query<{ writable: boolean }>(text, [target.role, schema, table]);
  const message = `${what}, but each tenant may write to it: grant SELECT only`;
  return rows[0]?.writable ? [{ code: 'SHARED_TABLE_WRITABLE', where: `table ${table}`, message }] : [];
}

const USABLE_ELSEWHERE = `
  SELECT n.nspname || '.' || c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND c.oid >= ${FIRST_NORMAL_OBJECT_ID}
    AND NOT c.relrowsecurity AND n.nspname <> ALL ($2) AND has_schema_privilege($1::name, n.oid, 'USAGE')
    AND (has_any_column_privilege($1::name, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege($1::name, c.oid, 'DELETE'))
  ORDER BY 1`;

async function usableElsewhere(
  client: pg.ClientBase,
  { schema, target }: TestedTenant,
  otherSchemas: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(USABLE_ELSEWHERE, [target.role, [schema, ...otherSchemas]]);
  return rows.map(({ name }) => name);
}

function keyFindings({ table, indexesWithoutTenant }: TableFacts): Finding[] {
  return indexesWithoutTenant.map((index) => ({
    code: 'KEY_WITHOUT_TENANT',
    where: `table ${table}`,
    message: `its unique index ${index} lacks tenant_id: an insert or upsert meets another tenant's row`,
  }));
}

function unclassified(table: string, problem: string): Finding {
  const message = `${problem}, and it is not classified: create it with createTenantTable or createReferenceTable, or classify it`;
  return { code: 'TABLE_NOT_CLASSIFIED', where: `table ${table}`, message };
}

function bypass(where: string, reason: string): Finding {
  return { code: 'ROLE_BYPASSES_POLICIES', where, message: reason };
}
