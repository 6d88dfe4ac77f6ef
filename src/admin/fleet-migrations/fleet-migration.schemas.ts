import { z } from 'zod';
import { SLUG } from '../../catalog/model/slug.js';
import { LOCK_ATTEMPTS, LOCK_TIMEOUT_MS } from '../../database/table-migrations/migrate-tables.js';
import { OWNER_CONNECTIONS } from '../../database/admin-connections/admin-connections.js';
import { boundedText } from '../../http/bounded-text.js';

const MAX_NAMED = 1_000;
const MAX_UNITS = 100_000;
const LONGEST_LOCK_WAIT_MS = 60_000;
const MAX_ATTEMPTS = 100;

const slugs = z
  .array(z.string().regex(SLUG, 'must be a slug'))
  .min(1)
  .max(MAX_NAMED)
  .transform((names) => [...new Set(names)]);

const canary = z.union([
  z.strictObject({ tenants: slugs.describe('those of them that are behind') }),
  z.strictObject({ count: z.int().min(1).max(MAX_NAMED).describe('so many units, those with the fewest tenants') }),
]);

const which = {
  tenants: slugs.optional().describe('only these; with a row tenant, all that share its tables. Default: all'),
};

const locks = {
  lockTimeoutMs: z
    .int()
    .min(10)
    .max(LONGEST_LOCK_WAIT_MS)
    .default(LOCK_TIMEOUT_MS)
    .describe('how long a migration may wait for a lock, and keep the tenant behind it waiting, before it gives way'),
  attempts: z.int().min(1).max(MAX_ATTEMPTS).default(LOCK_ATTEMPTS).describe('how often it is tried altogether'),
};

// A unit is one set of tables: all row tenants of a target, one schema tenant, or one database tenant.
const fields = {
  ...which,
  canary: canary.optional().describe('migrated first, one after the other; when one fails nothing else is touched'),
  waveSize: z.int().min(1).max(MAX_UNITS).default(50).describe('units between two looks at `maxFailures`'),
  parallelism: z.int().min(1).max(OWNER_CONNECTIONS).default(2).describe('units at once on each server'),
  maxFailures: z.int().min(0).max(MAX_UNITS).default(5).describe('no further wave when more units than this failed'),
  onFailure: z
    .enum(['serve', 'maintenance'])
    .default('serve')
    .describe('`serve`: on the old version, by instances whose code accepts it; `maintenance`: until it is migrated'),
  message: boundedText(500)
    .default('this tenant is being brought up to date')
    .describe('shown to callers of tenants in maintenance'),
  ...locks,
};

/** What is kept as the input of the operation. */
export const fleetMigration = z.object({
  ...fields,
  /** Newest migration of the instance that was asked: whose code is older has nothing to say about it. */
  to: z.string(),
});
export type FleetMigration = z.infer<typeof fleetMigration>;

export const migrationRequest = z
  .strictObject({ kind: z.literal('migrate'), ...fields })
  .refine(
    ({ tenants, canary: first }) => !tenants || !first || !('tenants' in first) || within(first.tenants, tenants),
    {
      path: ['canary', 'tenants'],
      message: 'must be among `tenants`',
    },
  )
  .meta({ id: 'Migrate', example: { kind: 'migrate', canary: { count: 3 }, waveSize: 50, maxFailures: 5 } });
export type MigrationRequest = z.infer<typeof migrationRequest>;

export const previewRequest = z
  .strictObject({ ...which, ...locks })
  .meta({ id: 'MigrationPreviewRequest', example: { tenants: ['acme'] } });
export type PreviewRequest = z.infer<typeof previewRequest>;

const count = z.int().nonnegative();

const versionPreview = z.object({
  from: z.string().describe('newest migration that these tenants have'),
  tenants: count,
  units: count.describe('sets of tables'),
  servers: z.array(z.object({ server: z.string(), tenants: count, units: count })),
  migrations: z
    .array(z.object({ migration: z.string(), sql: z.array(z.string()) }))
    .describe('what would run, in order; tried in a scratch schema beside the tables of one of the units'),
  failure: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .describe('why it cannot be shown: a migration failed, or no server answered'),
});
export type VersionPreview = z.infer<typeof versionPreview>;

export const fleetPreview = z
  .object({
    to: z.string().describe('newest migration of the instance that answers'),
    tenants: count.describe('behind it'),
    units: count,
    versions: z.array(versionPreview),
  })
  .meta({ id: 'MigrationPreview' });
export type FleetPreviewView = z.infer<typeof fleetPreview>;

function within(some: readonly string[], all: readonly string[]): boolean {
  return some.every((name) => all.includes(name));
}
