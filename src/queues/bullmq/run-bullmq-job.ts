import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { LIMIT_WAITS_PROPERTY, limitWaitsIn } from '../limit-waits.js';
import type { JobPolicy } from '../../tenant/jobs/job-policy.js';
import { JobRefusedError } from '../../tenant/jobs/job.errors.js';
import { JOB_LIMIT, type JobOutcome, type TenantJobs } from '../../tenant/jobs/tenant-jobs.js';

/** What a job returns that its policy has dropped. */
export interface DroppedJob {
  /** The code of the reason: `TENANT_SUSPENDED` or `TENANT_DELETED`. */
  readonly dropped: string;
}

/** Runs a job of BullMQ in its tenant's context, and settles it as its policy says. */
export async function runBullmqJob<Result>(
  jobs: TenantJobs,
  job: Job,
  token: string | undefined,
  work: () => Promise<Result>,
  policy: JobPolicy,
): Promise<Result | DroppedJob> {
  const outcome = await outcomeOf(jobs, job, work, policy);
  if (outcome.kind === 'done') return outcome.result;
  if (outcome.kind === 'dropped') return { dropped: outcome.reason };
  if (outcome.reason === JOB_LIMIT) {
    await job.updateData({ ...job.data, [LIMIT_WAITS_PROPERTY]: limitWaitsIn(job.data) + 1 });
  }
  // Moved by hand, it counts as started and not as an attempt; the error says to the worker that it was.
  await job.moveToDelayed(Date.now() + outcome.delayMs, token);
  throw new DelayedError(outcome.reason);
}

async function outcomeOf<Result>(
  jobs: TenantJobs,
  job: Job,
  work: () => Promise<Result>,
  policy: JobPolicy,
): Promise<JobOutcome<Result>> {
  try {
    return await jobs.run(job.data, work, policy, waitsOf(job), limitWaitsIn(job.data));
  } catch (error) {
    if (!(error instanceof JobRefusedError)) throw error;
    const { code, reason, message } = error;
    throw Object.assign(new UnrecoverableError(message), { code, reason, cause: error });
  }
}

/** Starts that were no attempts. One whose worker died is among them, so a job rather waits once less. */
function waitsOf({ attemptsStarted, attemptsMade, data }: Job): number {
  return Math.max(0, attemptsStarted - attemptsMade - 1 - limitWaitsIn(data));
}
