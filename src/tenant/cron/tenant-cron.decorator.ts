import { SetMetadata } from '@nestjs/common';
import { z } from 'zod';
import type { Tenant } from '../../catalog/model/tenant.js';
import { type CheckedFilter, checkedFilter, type TenantFilter } from '../fleet/tenant-filter.js';
import { InvalidCronError } from './cron.errors.js';
import { CronSchedule } from './cron-schedule.js';

/** How a `@TenantCron` runs. */
export interface TenantCronOptions {
  /** Identifies the job in the catalog: unique, and the same in all releases. Lower-case letters, digits and `.-`; at most 63. */
  readonly name: string;
  /** IANA name such as `Europe/Berlin`. Default: `UTC`, because instances may run in different time zones. */
  readonly timeZone?: string;
  /** Which tenants it runs for. Default: every active tenant. */
  readonly tenants?: TenantFilter;
  /** Tenants in work at the same time, 1 to 64. Default: 4. */
  readonly concurrency?: number;
  /**
   * What happens at a time at which nothing could start, because no instance ran, the catalog was away, or the run before was
   * still in progress: `skip` leaves it out; `once` runs the newest missed time, once for all of them, as soon as it can.
   * Default: `skip`.
   */
  readonly missed?: 'skip' | 'once';
  /** A time counts as missed when nothing has started so many seconds after it, 1 to 86,400. Default: 60. */
  readonly startWithinSeconds?: number;
  /**
   * Whether a tenant whose work was in progress when its instance died is run again: `true` for work that may run twice.
   * Default: `false`; it has failed then, with the code `INTERRUPTED`.
   */
  readonly retryInterrupted?: boolean;
}

/** What a method under `@TenantCron` receives. */
export interface TenantCronRun {
  readonly tenant: Tenant;
  /** The time that the run is for, not the one at which it started: a key for work that may run twice. */
  readonly scheduledAt: Date;
  /** Whether the work for this tenant and time had begun before, on an instance that died; only with `retryInterrupted`. */
  readonly isRetry: boolean;
  /** Aborted when a shutdown no longer waits, or when another instance has taken the run over. */
  readonly signal: AbortSignal;
}

/** A checked `@TenantCron`. */
export interface CronDefinition {
  readonly name: string;
  readonly schedule: CronSchedule;
  readonly tenants: CheckedFilter;
  readonly concurrency: number;
  readonly missed: 'skip' | 'once';
  readonly startWithinSeconds: number;
  readonly retryInterrupted: boolean;
}

/** Metadata of a decorated method; the same in every copy of this package. */
export const TENANT_CRON = 'tenantry:cron';

const schema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9.-]{0,62}$/, 'must be lower-case letters, digits and .-, at most 63'),
  timeZone: z.string().default('UTC'),
  tenants: z.custom<TenantFilter>().optional(),
  concurrency: z.int().min(1).max(64).default(4),
  missed: z.enum(['skip', 'once']).default('skip'),
  startWithinSeconds: z.int().min(1).max(86_400).default(60),
  retryInterrupted: z.boolean().default(false),
});

/**
 * Runs a method of a provider at the times of a cron expression, of five fields or of six with seconds first: once per tenant
 * and time over all instances, in the tenant's context.
 *
 * @throws InvalidCronError, InvalidFleetInputError
 */
export function TenantCron(expression: string, options: TenantCronOptions): MethodDecorator {
  const parsed = schema.safeParse(options);
  if (!parsed.success) throw new InvalidCronError(`@TenantCron('${expression}'): ${z.prettifyError(parsed.error)}`);
  const { timeZone, tenants, ...rest } = parsed.data;
  const definition: CronDefinition = {
    ...rest,
    schedule: new CronSchedule(expression, timeZone),
    tenants: checkedFilter(tenants ?? {}),
  };
  return SetMetadata(TENANT_CRON, definition);
}
