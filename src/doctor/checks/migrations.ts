import { newestMigration } from '../../database/table-migrations/migration-names.js';
import { HAS_TABLES, isBehindSql, timestampIn } from '../../admin/fleet-migrations/fleet-sql.js';
import type { Check, CatalogContext } from '../diagnosis/check.js';
import { fail, ok, warn } from '../diagnosis/finding.js';

const NAME = 'migrations';

interface TenantsBehind {
  readonly behind: number;
  /** Of those, tenants behind even the oldest migration that this code works with. */
  readonly unserved: number;
  readonly example: string | null;
}

const BEHIND = `
  SELECT count(*)::int AS behind, (count(*) FILTER (WHERE ${isBehindSql('$2')}))::int AS unserved,
         min(t.slug) AS example
  FROM tenants t WHERE ${HAS_TABLES} AND ${isBehindSql('$1')}`;

/** Checks that all tenants' tables have the newest migration of this code. */
export const migrations: Check<CatalogContext> = {
  name: NAME,
  run: async ({ catalog, schema }) => {
    const newest = newestMigration(schema.migrations);
    const required = schema.requiredVersion ?? newest;
    const { rows } = await catalog.query<TenantsBehind>(BEHIND, [timestampIn(newest), timestampIn(required)]);
    const { behind = 0, unserved = 0, example = null } = rows[0] ?? {};
    const remedy = 'npm run tenantry -- migrate';
    if (behind === 0) return [ok(NAME, `all tenants are up to date with ${newest}`)];
    const message = `${behind} tenants are behind ${newest}, for example ${example}`;
    if (unserved === 0) return [warn(NAME, `${message}; they are served`, remedy)];
    return [fail(NAME, `${message}; ${unserved} of them are not served`, remedy)];
  },
};
