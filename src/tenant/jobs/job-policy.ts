import { z } from 'zod';
import { InvalidJobPolicyError } from './job.errors.js';

/** What happens to a job whose tenant is not served when the job runs, or while it does. */
export interface JobPolicy {
  /** `wait` by default. `drop`: the job counts as done. */
  readonly whenSuspended?: 'wait' | 'refuse' | 'drop' | undefined;
  /** `refuse` by default. */
  readonly whenDeleted?: 'refuse' | 'drop' | undefined;
  /** While it is maintained, moved or provisioned, or the catalog or its server cannot be reached. `wait` by default. */
  readonly whenUnavailable?: 'wait' | 'refuse' | undefined;
  /** Milliseconds until a job that waits looks again; 60,000 by default. */
  readonly waitMs?: number | undefined;
  /** How often a job waits before it is refused; 1,440 by default, a day at 60,000 ms. */
  readonly maxWaits?: number | undefined;
}

const policy = z.object({
  whenSuspended: z.enum(['wait', 'refuse', 'drop']).default('wait'),
  whenDeleted: z.enum(['refuse', 'drop']).default('refuse'),
  whenUnavailable: z.enum(['wait', 'refuse']).default('wait'),
  waitMs: z.int().min(100).max(86_400_000).default(60_000),
  maxWaits: z.int().min(0).max(100_000).default(1_440),
});

/** A policy with its defaults. Without zod, which declarations must not name. */
export type CompleteJobPolicy = { readonly [Key in keyof JobPolicy]-?: NonNullable<JobPolicy[Key]> };

/** @throws InvalidJobPolicyError */
export function parseJobPolicy(given: JobPolicy): CompleteJobPolicy {
  const parsed = policy.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidJobPolicyError(issue!.path.join('.'), issue!.message);
}
