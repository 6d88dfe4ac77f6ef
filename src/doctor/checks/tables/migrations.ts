import { isUnservedSql, unservedValues } from '../../../catalog/tenant-tables/migration-set-sql.js';
import { newestMigration, orderedNames } from '../../../database/table-migrations/versions/migration-names.js';
import {
  describeLate,
  lateMigrations,
  requiredMigrations,
} from '../../../database/table-migrations/versions/migration-set.js';
import { HAS_TABLES, SETS_BEHIND } from '../../../admin/fleet-migrations/fleet-sql.js';
import type { Check, CatalogContext } from '../../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../../diagnosis/finding.js';
import { placesThatDiffer } from '../places/migrated-places.js';

const NAME = 'migrations';
const REMEDY = 'npm run tenantry -- migrate';

interface TenantsBehind {
  readonly behind: number;
  /** Of those, tenants that lack a migration that this code requires. */
  readonly unserved: number;
  readonly example: string | null;
}

const BEHIND = `
  SELECT count(*)::int AS behind, (count(*) FILTER (WHERE ${isUnservedSql('$3', '$4')}))::int AS unserved,
         min(t.slug) AS example
  FROM tenants t WHERE ${HAS_TABLES} AND ${isUnservedSql('$1', '$2')}`;

/** Checks that all tenants' tables have the migrations of this code, by the catalog's summary and by what the tables record. */
export const migrations: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const names = orderedNames(context.schema.migrations);
    const newest = newestMigration(context.schema.migrations);
    const [behind, places] = await Promise.all([tenantsBehind(context, names), placesThatDiffer(context, names)]);
    const findings = [
      ...behind,
      ...places.differing.map(({ subject, lacking, beyondCatalog, slug, isBehind }) => {
        const remedy = `${REMEDY} --tenant ${slug}`;
        if (lacking.length === 0) {
          return warn(NAME, `has ${beyondCatalog.join(', ')}, which the catalog does not record`, remedy, subject);
        }
        const reason = isBehind ? '' : ', which the catalog records or takes for granted';
        return fail(NAME, `lacks ${lacking.join(', ')}${reason}`, remedy, subject);
      }),
      ...places.unread.map(({ subject, reason }) =>
        fail(NAME, `cannot be checked: ${reason}`, 'allow the owner role of the server to connect', subject),
      ),
    ];
    if (places.omitted > 0) {
      findings.push(fail(NAME, `${places.omitted} more sets of tables differ from the catalog`, `${REMEDY} --verify`));
    }
    if (findings.length > 0) return findings;
    const newer = places.beyondCode === 0 ? '' : `; ${places.beyondCode} sets of tables have newer ones besides`;
    return [ok(NAME, `all tenants are up to date with ${newest}${newer}`)];
  },
};

async function tenantsBehind({ catalog, schema }: CatalogContext, names: readonly string[]): Promise<Finding[]> {
  const required = requiredMigrations(schema);
  const { rows } = await catalog.query<TenantsBehind>(BEHIND, [...unservedValues(names), ...unservedValues(required)]);
  const { behind = 0, unserved = 0, example = null } = rows[0] ?? {};
  if (behind === 0) return [];
  const message = `${behind} tenants lack migrations of this code, for example ${example}`;
  const finding =
    unserved === 0
      ? warn(NAME, `${message}; they are served`, REMEDY)
      : fail(NAME, `${message}; ${unserved} of them are not served`, REMEDY);
  return [finding, ...(await runningLate(catalog, names))];
}

async function runningLate(catalog: CatalogContext['catalog'], names: readonly string[]): Promise<Finding[]> {
  const { rows } = await catalog.query<{ names: string[] }>(SETS_BEHIND, [names, null]);
  const late = rows.flatMap((set) => lateMigrations(set.names, names));
  return describeLate(late).map((line) => warn(NAME, line, `${REMEDY} --dry-run`));
}
