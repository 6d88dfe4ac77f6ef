import { markedAgainstAdvice } from '../../../database/leakproof/refused-kinds.js';
import { alternativesTo, type UnusableIndex, unusableIndexes } from '../../../database/leakproof/unusable-indexes.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../../diagnosis/finding.js';
import { queryServer } from '../../diagnosis/query-server.js';
import { isReachable, nameOfTarget } from '../login-roles.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';

const NAME = 'index-conditions';
/** Per database. */
const MAX_REPORTED = 20;

const SCHEMAS = `
  SELECT target_id AS "targetId", array_agg(DISTINCT schema_name) AS schemas FROM tenants
  WHERE status IN ('active', 'suspended', 'maintenance') AND target_id IS NOT NULL AND schema_name IS NOT NULL
  GROUP BY target_id`;

/** Lists the indexes whose conditions PostgreSQL evaluates row by row, because a policy stands before them. */
export const indexConditions: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const { rows } = await context.catalog.query<{ targetId: string; schemas: string[] }>(SCHEMAS);
    const findings = await mapConcurrently(rows, async ({ targetId, schemas }) => {
      const target = context.targets.find(({ id }) => id === targetId);
      return target && isReachable(context, target.serverId) ? checkTarget(target, schemas, context) : [];
    });
    const all = findings.flat();
    return all.length > 0 ? all : [ok(NAME, `conditions use the indexes of tenant tables (databases: ${rows.length})`)];
  },
};

async function checkTarget(
  target: TargetOfServer,
  schemas: readonly string[],
  { owner, options }: CatalogContext,
): Promise<Finding[]> {
  try {
    const asOwner = owner.of(target.server, target.database);
    return await queryServer(asOwner, options, async (client) => {
      const telling = await markedAgainstAdvice(client);
      const found = await unusableIndexes(client, schemas);
      return [
        ...(telling.length > 0 ? [tellingFinding(telling, target)] : []),
        ...found.slice(0, MAX_REPORTED).map((index) => findingOf(index, target)),
      ];
    });
  } catch (error) {
    const remedy = 'allow the owner role of the server to connect';
    return [warn(NAME, `cannot be checked: ${reasonOf(error)}`, remedy, nameOfTarget(target))];
  }
}

function tellingFinding(functions: readonly string[], target: TargetOfServer): Finding {
  const message = `marked leakproof, although their errors tell other tenants' values: ${functions.join(', ')}`;
  return fail(NAME, message, 'as a superuser: ALTER FUNCTION … NOT LEAKPROOF', nameOfTarget(target));
}

function findingOf(index: UnusableIndex, { server, database }: TargetOfServer): Finding {
  const { schemas, table, columns, kinds } = index;
  const others = schemas.length > 1 ? ` and ${schemas.length - 1} more schemas` : '';
  const subject = `${server.name}/${database} ${schemas[0]}.${table}${others}: ${index.index}`;
  const message = `conditions on ${columns.join(', ')} do not use it under the policies: no leakproof operator`;
  return warn(NAME, message, remedyOf(kinds, server.name), subject);
}

function remedyOf(kinds: readonly string[], server: string): string {
  const marking = `or run \`tenantry leakproof mark --server ${server} --kinds ${kinds.join(',')}\`; `;
  return `have ${alternativesTo(kinds)}; ${kinds.length > 0 ? marking : ''}see docs/guides/indexes.md`;
}
