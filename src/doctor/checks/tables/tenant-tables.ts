import { ADOPTING, findTableProblems, FORMER } from '../../../database/table-migrations/verification/table-problems.js';
import { queryServer } from '../../diagnosis/query-server.js';
import type { Check, CatalogContext, TargetOfServer } from '../../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../../diagnosis/finding.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import { isReachable, nameOfTarget } from '../login-roles.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';

const NAME = 'row-level-security';
/** Schemas of tenants that must have their tables: during provisioning and deletion any of them may be missing. */
const SCHEMAS = `
  SELECT target_id AS "targetId", array_agg(DISTINCT schema_name) AS schemas FROM tenants
  WHERE status IN ('active', 'suspended', 'maintenance') AND target_id IS NOT NULL AND schema_name IS NOT NULL
  GROUP BY target_id`;

const REMEDY =
  'create the table with createTenantTable or createReferenceTable; suspend the tenants in this schema until it is fixed';

/**
 * Checks that every tenant table has exactly the policies that show only the stamped tenant's rows, and every reference table
 * the one that shows all of its.
 */
export const tenantTables: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const { rows } = await context.catalog.query<{ targetId: string; schemas: string[] }>(SCHEMAS);
    const locations = rows.flatMap(({ targetId, schemas }) => {
      const target = context.targets.find(({ id }) => id === targetId);
      return target && isReachable(context, target.serverId) ? [{ target, schemas }] : [];
    });
    const findings = (await mapConcurrently(locations, (location) => checkTables(location, context))).flat();
    if (findings.length > 0) return findings;
    const schemas = locations.reduce((sum, location) => sum + location.schemas.length, 0);
    return [ok(NAME, `every table has its policies (schemas: ${schemas}, databases: ${locations.length})`)];
  },
};

async function checkTables(
  { target, schemas }: { readonly target: TargetOfServer; readonly schemas: readonly string[] },
  { owner, options, schema: { migrations } }: CatalogContext,
): Promise<Finding[]> {
  try {
    const asOwner = owner.of(target.server, target.database);
    const problems = await queryServer(asOwner, options, (client) =>
      findTableProblems(client, schemas, {
        hasTables: migrations.length > 0,
        ...(target.adopted && { besides: target.role }),
      }),
    );
    return problems.map(({ schema, table, problem }) => {
      const subject = `${target.server.name}/${target.database} ${table === null ? schema : `${schema}.${table}`}`;
      if (problem === ADOPTING) return warn(NAME, problem, 'run `tenantry adopt finish` when it is gone', subject);
      return problem === FORMER
        ? warn(NAME, problem, 'run `tenantry migrate`', subject)
        : fail(NAME, problem, REMEDY, subject);
    });
  } catch (error) {
    return [
      fail(
        NAME,
        `cannot be checked: ${reasonOf(error)}`,
        'allow the owner role of the server to connect',
        nameOfTarget(target),
      ),
    ];
  }
}
