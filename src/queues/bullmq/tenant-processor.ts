import { Inject } from '@nestjs/common';
import type { Job } from 'bullmq';
import type { JobPolicy } from '../../tenant/jobs/job-policy.js';
import { TenantJobs } from '../../tenant/jobs/tenant-jobs.js';
import { type DroppedJob, runBullmqJob } from './run-bullmq-job.js';

/** What BullMQ calls for each job; `signal` is passed to those that declare it. */
export type BullmqProcessor<BullmqJob extends Job, Result> = (
  job: BullmqJob,
  token?: string,
  signal?: AbortSignal,
) => Promise<Result>;

/**
 * The processor of a worker whose jobs are tenants': `new Worker('receipts', tenantProcessor(jobs, async (job) => { … }))`.
 * `process` runs in the context of the job's tenant.
 */
export function tenantProcessor<Result, BullmqJob extends Job = Job>(
  jobs: TenantJobs,
  process: BullmqProcessor<BullmqJob, Result>,
  policy: JobPolicy = {},
): BullmqProcessor<BullmqJob, Result | DroppedJob> {
  const processor: BullmqProcessor<BullmqJob, Result | DroppedJob> = (job, token, signal) =>
    runBullmqJob(jobs, job, token, async () => process(job, token, signal), policy);
  return withLengthOf(process, processor);
}

/** Where the decorator has `TenantJobs` injected. */
const JOBS = Symbol.for('tenantry/bullmq-jobs');

/**
 * On `process` of a `WorkerHost` of `@nestjs/bullmq`: it runs in the context of the job's tenant.
 *
 *     @TenantJob({ whenSuspended: 'drop' })
 *     async process(job: Job<ReceiptJob>): Promise<void> { … }
 */
export function TenantJob(
  policy: JobPolicy = {},
): (target: object, name: string, descriptor: PropertyDescriptor) => void {
  return (target, _name, descriptor) => {
    const process = descriptor.value as (this: object, ...args: unknown[]) => Promise<unknown>;
    Inject(TenantJobs)(target, JOBS);
    const processor = function (
      this: { readonly [JOBS]: TenantJobs },
      job: Job,
      token?: string,
      signal?: AbortSignal,
    ): Promise<unknown> {
      return runBullmqJob(this[JOBS], job, token, async () => process.call(this, job, token, signal), policy);
    };
    descriptor.value = withLengthOf(process, processor);
  };
}

/** BullMQ makes a signal for processors with three parameters only. */
function withLengthOf<Wrapper extends object>({ length }: { readonly length: number }, wrapper: Wrapper): Wrapper {
  return Object.defineProperty(wrapper, 'length', { value: length, configurable: true });
}
