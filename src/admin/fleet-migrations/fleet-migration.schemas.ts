import { z } from 'zod';
import { SLUG } from '../../catalog/model/slug.js';
import { LOCK_ATTEMPTS, LOCK_TIMEOUT_MS } from '../../database/table-migrations/execution/migrate-tables.js';
import { MAX_ADMIN_CONNECTIONS } from '../../database/admin-connections/admin-connections.js';
import { boundedText } from '../../http/input/bounded-text.js';

const MAX_TENANTS = 1_000;
const MAX_UNITS = 100_000;
const MAX_LOCK_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 100;

const slugs = z
  .array(z.string().regex(SLUG, 'must be a slug'))
  .min(1)
  .max(MAX_TENANTS)
  .transform((names) => [...new Set(names)]);

const canary = z.union([
  z.strictObject({
    tenants: slugs.describe(
      'slugs of the canary tenants; those that are up to date are skipped. A row tenant shares its tables: all tenants in them ' +
        'are migrated with it, and the result has their number (`canary.tenants`)',
    ),
  }),
  z.strictObject({ count: z.int().min(1).max(MAX_TENANTS).describe('number of units, starting with the smallest') }),
]);

const selection = {
  tenants: slugs
    .optional()
    .describe('only these tenants, and for a row tenant all tenants that share its tables. Default: all tenants'),
};

const locks = {
  lockTimeoutMs: z
    .int()
    .min(10)
    .max(MAX_LOCK_TIMEOUT_MS)
    .default(LOCK_TIMEOUT_MS)
    .describe('how long a migration may wait for a lock, and block the queries queued behind it, before it backs off'),
  attempts: z
    .int()
    .min(1)
    .max(MAX_ATTEMPTS)
    .default(LOCK_ATTEMPTS)
    .describe('maximum number of attempts per migration'),
};

// A migration unit is one set of tables: all row tenants of a target, one schema tenant, or one database tenant.
const fields = {
  ...selection,
  canary: canary
    .optional()
    .describe('sets of tables that are migrated first, one at a time; if one fails, no other is migrated'),
  waveSize: z
    .int()
    .min(1)
    .max(MAX_UNITS)
    .default(50)
    .describe('units per wave; `maxFailures` is checked between waves'),
  parallelism: z
    .int()
    .min(1)
    .max(MAX_ADMIN_CONNECTIONS)
    .default(2)
    .describe('units migrated concurrently on each server'),
  maxFailures: z
    .int()
    .min(0)
    .max(MAX_UNITS)
    .default(5)
    .describe('stop after a wave when more units than this have failed'),
  verify: z
    .boolean()
    .default(false)
    .describe(
      'also look at tables that the catalog takes for up to date, as after a restored dump. Tenants named in `tenants` are ' +
        'always looked at',
    ),
  onFailure: z
    .enum(['serve', 'maintenance'])
    .default('serve')
    .describe(
      'what happens to a tenant whose migration failed. `serve`: instances whose code accepts the old version keep ' +
        'serving it; `maintenance`: it is in maintenance until it is migrated',
    ),
  message: boundedText(500)
    .default('this tenant is being brought up to date')
    .describe('shown to callers of tenants that are in maintenance'),
  ...locks,
};

/** The stored input of the operation. */
export const fleetMigration = z.object({
  ...fields,
  /** Newest migration of the instance that received the request. Instances with older code cannot run the operation. */
  to: z.string(),
});
export type FleetMigration = z.infer<typeof fleetMigration>;

/** Whether tables are looked at that the catalog takes for up to date. */
export function verifiesAllTables({ verify, tenants }: Pick<FleetMigration, 'verify' | 'tenants'>): boolean {
  return verify || tenants !== undefined;
}

export const migrationRequest = z
  .strictObject({ kind: z.literal('migrate'), ...fields })
  .refine(
    ({ tenants, canary: first }) => !tenants || !first || !('tenants' in first) || isSubset(first.tenants, tenants),
    {
      path: ['canary', 'tenants'],
      message: 'must be among `tenants`',
    },
  )
  .meta({ id: 'Migrate', example: { kind: 'migrate', canary: { count: 3 }, waveSize: 50, maxFailures: 5 } });
export type MigrationRequest = z.infer<typeof migrationRequest>;

export const previewRequest = z
  .strictObject({ ...selection, verify: fields.verify, ...locks })
  .meta({ id: 'MigrationPreviewRequest', example: { tenants: ['acme'] } });
export type PreviewRequest = z.infer<typeof previewRequest>;

const count = z.int().nonnegative();

const versionPreview = z.object({
  from: z.string().describe('newest migration of these tenants'),
  tenants: count,
  units: count.describe('migration units: sets of tables'),
  servers: z.array(z.object({ server: z.string(), tenants: count, units: count })),
  migrations: z
    .array(z.object({ migration: z.string(), sql: z.array(z.string()) }))
    .describe('what would run, in order; determined by a run in a scratch schema in the database of one of the units'),
  late: z
    .array(z.object({ migration: z.string(), after: z.string() }))
    .describe('migrations that run after a newer one, which these tenants have: they must not need the order'),
  failure: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .describe('why there is no preview: a migration failed, or no server is available'),
});
export type VersionPreview = z.infer<typeof versionPreview>;

export const fleetPreview = z
  .object({
    to: z.string().describe('newest migration of the instance that sent this response'),
    tenants: count.describe('tenants that are behind'),
    units: count,
    versions: z.array(versionPreview),
  })
  .meta({ id: 'MigrationPreview' });
export type FleetPreviewView = z.infer<typeof fleetPreview>;

function isSubset(subset: readonly string[], all: readonly string[]): boolean {
  return subset.every((name) => all.includes(name));
}
