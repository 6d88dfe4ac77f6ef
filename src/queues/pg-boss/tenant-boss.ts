import { Logger } from '@nestjs/common';
import { reasonOf } from '../../platform/errors/reason-of.js';
import type { CaptureOptions } from '../../tenant/context/tenant-context.js';
import { type JobPolicy, parseJobPolicy } from '../../tenant/jobs/job-policy.js';
import { limitWaitsIn } from '../limit-waits.js';
import { JOB_LIMIT, type TenantJobs } from '../../tenant/jobs/tenant-jobs.js';
import { FailedBatchError } from './failed-batch.error.js';
import type { PgBossJob, PgBossLike } from './boss.js';
import { sendAgain, waitsIn } from './waiting-copy.js';

/** Options of `TenantBoss.work`. */
export interface TenantWorkOptions extends JobPolicy {
  /** pg-boss's own: `batchSize`, `pollingIntervalSeconds`, … */
  readonly work?: object;
}

/** Options of pg-boss with which a queue refuses a job because of another one. */
interface SingletonOptions {
  readonly singletonKey?: string;
  readonly singletonSeconds?: number;
  /** Of version 10. */
  readonly singletonMinutes?: number;
  /** Of version 10. */
  readonly singletonHours?: number;
}

/** Sends jobs of the current tenant with pg-boss, and runs each in its tenant's context. */
export class TenantBoss {
  private readonly logger = new Logger(TenantBoss.name);

  /** @param boss a `PgBoss`, of version 10, 11 or 12 */
  constructor(
    readonly boss: PgBossLike,
    private readonly jobs: TenantJobs,
  ) {}

  /**
   * @param options pg-boss's own; what they allow once (`singletonKey`, `singletonSeconds`) is allowed once for each tenant
   * @returns the job's id; null where the queue's policy does not take it
   * @throws NoTenantContextError, UncarriablePrincipalError, UncarriableDataError
   */
  async send(name: string, data: object, options: object = {}, capture?: CaptureOptions): Promise<string | null> {
    return this.boss.send(name, this.jobs.carry(data, capture), this.own(options));
  }

  /**
   * Runs a queue's jobs, those of a batch side by side. A job that fails fails alone: the others of its batch are completed.
   *
   * @returns the worker's id
   * @throws InvalidJobPolicyError
   */
  async work<Data extends object = Record<string, unknown>>(
    name: string,
    handler: (job: PgBossJob<Data>) => Promise<unknown>,
    { work = {}, ...policy }: TenantWorkOptions = {},
  ): Promise<string> {
    parseJobPolicy(policy);
    const options = { ...work, includeMetadata: true };
    return this.boss.work(name, options, (batch: PgBossJob<Data>[]) => this.runBatch(batch, handler, policy));
  }

  /** A slot of time without a key is one for the whole queue to pg-boss. */
  private own(options: SingletonOptions): object {
    const { singletonKey, singletonSeconds, singletonMinutes, singletonHours } = options;
    const isLimited = singletonKey ?? singletonSeconds ?? singletonMinutes ?? singletonHours;
    return isLimited === undefined ? options : { ...options, singletonKey: this.jobs.ownKey(singletonKey ?? '') };
  }

  /** What it returns or rejects with, pg-boss notes for all jobs of the batch that are not settled yet. */
  private async runBatch<Data>(
    batch: readonly PgBossJob<Data>[],
    handler: (job: PgBossJob<Data>) => Promise<unknown>,
    policy: JobPolicy,
  ): Promise<unknown> {
    const ends = await Promise.allSettled(batch.map((job) => this.runJob(job, handler, policy)));
    const failed: { readonly id: string; readonly error: unknown }[] = [];
    const done: { readonly job: PgBossJob<Data>; readonly value: unknown }[] = [];
    for (const [index, end] of ends.entries()) {
      const job = batch[index]!;
      if (end.status === 'rejected') failed.push({ id: job.id, error: end.reason });
      else done.push({ job, value: end.value });
    }
    if (failed.length === 0) return batch.length === 1 ? done[0]!.value : undefined;
    for (const { job, value } of done) await this.boss.complete(job.name, job.id, outputOf(value));
    if (failed.length === 1) throw failed[0]!.error;
    for (const { id, error } of failed) this.logger.error(`Job ${id} has failed: ${reasonOf(error)}`);
    throw new FailedBatchError(failed);
  }

  private async runJob<Data>(
    job: PgBossJob<Data>,
    handler: (job: PgBossJob<Data>) => Promise<unknown>,
    policy: JobPolicy,
  ): Promise<unknown> {
    const outcome = await this.jobs.run(
      job.data,
      async () => handler(job),
      policy,
      waitsIn(job.data),
      limitWaitsIn(job.data),
    );
    if (outcome.kind === 'done') return outcome.result;
    if (outcome.kind === 'dropped') return { dropped: outcome.reason };
    return {
      waiting: outcome.reason,
      as: await sendAgain(this.boss, job, outcome.delayMs, outcome.reason === JOB_LIMIT),
    };
  }
}

function outputOf(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}
