import { HAS_TABLES } from '../../../admin/fleet-migrations/fleet-sql.js';
import { isUnservedSql, unservedValues } from '../../../catalog/tenant-tables/migration-set-sql.js';
import { TemplateDataSource } from '../../../database/data-source/template-data-source.js';
import { compareEntityTables } from '../../../database/table-migrations/comparison/compare-entity-tables.js';
import { type ExpectedTable, expectedTables } from '../../../database/table-migrations/comparison/expected-tables.js';
import { orderedNames } from '../../../database/table-migrations/versions/migration-names.js';
import { missingFrom } from '../../../database/table-migrations/versions/migration-set.js';
import { recordedMigrationsOf } from '../../../database/table-migrations/versions/recorded-migrations.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../../diagnosis/check.js';
import { fail, type Finding, ok } from '../../diagnosis/finding.js';
import { queryServer } from '../../diagnosis/query-server.js';
import { isReachable, nameOfTarget } from '../login-roles.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';

const NAME = 'entities';
/** Further ones usually have the same cause. */
const MAX_REPORTED = 20;
const REMEDY =
  'add a migration that makes the tables fit, or mark an entity whose table is not yours `synchronize: false`';

/** Tables that are behind are expected to differ. Row-level security and missing schemas are another check's. */
const SCHEMAS = `
  SELECT t.target_id AS "targetId", array_agg(DISTINCT t.schema_name) AS schemas
  FROM tenants t WHERE ${HAS_TABLES} AND NOT ${isUnservedSql('$1', '$2')}
  GROUP BY t.target_id`;

/** Checks that every set of tables that is up to date is what the entities map. */
export const entities: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const expected = expectedTables(await TemplateDataSource.build(context.schema));
    const names = orderedNames(context.schema.migrations);
    const { rows } = await context.catalog.query<{ targetId: string; schemas: string[] }>(
      SCHEMAS,
      unservedValues(names),
    );
    const findings = await mapConcurrently(rows, async ({ targetId, schemas }) => {
      const target = context.targets.find(({ id }) => id === targetId);
      return target && isReachable(context, target.serverId) ? checkTarget(target, schemas, expected, context) : [];
    });
    const all = findings.flat();
    return all.length > 0
      ? all.slice(0, MAX_REPORTED)
      : [ok(NAME, `the tables of ${expected.length} entities fit them`)];
  },
};

async function checkTarget(
  target: TargetOfServer,
  schemas: readonly string[],
  expected: readonly ExpectedTable[],
  { owner, options, schema: { migrations } }: CatalogContext,
): Promise<Finding[]> {
  const needed = orderedNames(migrations);
  const hasAll = (recorded: readonly string[]): boolean => missingFrom(recorded, needed).length === 0;
  try {
    const differences = await queryServer(owner.of(target.server, target.database), options, async (client) => {
      const query = async (text: string, values: unknown[]) => (await client.query(text, values)).rows;
      const migrated = [...(await recordedMigrationsOf(client, schemas))].filter(([, recorded]) => hasAll(recorded));
      const names = migrated.map(([schema]) => schema);
      return compareEntityTables(query, names, expected, { role: target.role, isolation: false });
    });
    return [...differences].flatMap(([schema, found]) =>
      found.map((difference) => fail(NAME, difference, REMEDY, `${target.server.name}/${target.database} ${schema}`)),
    );
  } catch (error) {
    const remedy = 'allow the owner role of the server to connect';
    return [fail(NAME, `cannot be checked: ${reasonOf(error)}`, remedy, nameOfTarget(target))];
  }
}
