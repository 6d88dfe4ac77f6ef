import { z } from 'zod';
import type { TenantLimits } from './tenant-limits.js';

const MAX_STATEMENTS = 10_000;
const MAX_DAYS = 36_500;
const MAX_HOURS = 8_760;
const MAX_PER_SECOND = 1_000_000;
const MAX_JOBS = 100_000;
const MAX_BYTES = 1_125_899_906_842_624;
const MAX_ROWS = 1_000_000_000_000;
const MAX_PER_DAY = 10_000_000_000;

/** Every limit of a tenant. A new one is added here and to `TenantLimits`, and is then a plan's and a tenant's, in the API and in the cache. */
const fields = {
  maxConcurrentStatements: z.int().positive().max(MAX_STATEMENTS).describe('connections of a target held at once'),
  maxQueuedStatements: z.int().positive().max(MAX_STATEMENTS).describe('callers that may wait for a connection'),
  maxConnections: z.int().positive().max(MAX_STATEMENTS).describe('connections held at once, over all instances'),
  maxConcurrentJobs: z.int().positive().max(MAX_JOBS).describe('jobs run at once, over all instances'),
  requestsPerSecond: z
    .int()
    .positive()
    .max(MAX_PER_SECOND)
    .describe('requests admitted per second, over all instances'),
  requestsPerDay: z.int().positive().max(MAX_PER_DAY).describe('requests admitted per day (UTC), over all instances'),
  maxStoredBytes: z
    .int()
    .positive()
    .max(MAX_BYTES)
    .describe('bytes stored, as measured, above which no rows are added'),
  maxStoredRows: z.int().positive().max(MAX_ROWS).describe('rows stored, as measured, above which no rows are added'),
  backupRetentionDays: z.int().positive().max(MAX_DAYS).describe('days for which a backup is kept'),
  backupEveryHours: z
    .int()
    .positive()
    .max(MAX_HOURS)
    .describe('hours between two scheduled backups, at times of BACKUP_EVERY; by default all of these'),
} satisfies Record<keyof TenantLimits, z.ZodNumber>;

/** Limits as a request gives them, and as they are cached. */
export const tenantLimits = z.strictObject(fields).partial();

export const LIMIT_NAMES = tenantLimits.keyof().options;

/** Limits as the catalog has them, where they may be written by hand: an invalid or unknown one counts as absent. */
export function storedLimits(value: unknown): TenantLimits {
  const given = Object(value) as Record<string, unknown>;
  const valid = LIMIT_NAMES.flatMap((name) => {
    const { data } = fields[name].safeParse(given[name]);
    return data === undefined ? [] : [[name, data] as const];
  });
  return Object.freeze(Object.fromEntries(valid));
}
