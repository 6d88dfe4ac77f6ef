import type { BulkJobOptions, Job, JobsOptions } from 'bullmq';
import type { CaptureOptions } from '../../tenant/context/tenant-context.js';
import type { TenantJobs } from '../../tenant/jobs/tenant-jobs.js';

/** What is used of BullMQ's `Queue`. */
export interface BullmqQueue {
  /** BullMQ's own. */
  add(name: string, data: object, options?: JobsOptions): Promise<Job>;
  /** BullMQ's own. */
  addBulk(jobs: { name: string; data: object; opts?: BulkJobOptions }[]): Promise<Job[]>;
}

/** A job of `TenantQueue.addBulk`. */
export interface NewTenantJob<Data extends object> {
  readonly name: string;
  readonly data: Data;
  readonly opts?: BulkJobOptions;
}

/**
 * Adds jobs of the current tenant to a queue of BullMQ, for workers whose processor is a `tenantProcessor` or a `TenantJob`.
 * `jobId` and `deduplication.id` are the tenant's own: the queue has them as `TenantJobs.ownKey` returns them.
 */
export class TenantQueue<Data extends object = Record<string, unknown>> {
  /** @param capture how the call travels with each job */
  constructor(
    readonly queue: BullmqQueue,
    private readonly jobs: TenantJobs,
    private readonly capture?: CaptureOptions,
  ) {}

  /** @throws NoTenantContextError, UncarriablePrincipalError, UncarriableDataError */
  async add(name: string, data: Data, options?: JobsOptions): Promise<Job> {
    return this.queue.add(name, this.jobs.carry(data, this.capture), options && this.own(options));
  }

  /**
   * All jobs, or none.
   *
   * @throws NoTenantContextError, UncarriablePrincipalError, UncarriableDataError
   */
  async addBulk(jobs: readonly NewTenantJob<Data>[]): Promise<Job[]> {
    return this.queue.addBulk(
      jobs.map(({ opts, ...job }) => ({
        ...{ ...job, data: this.jobs.carry(job.data, this.capture) },
        ...(opts && { opts: this.own(opts) }),
      })),
    );
  }

  private own<Options extends BulkJobOptions>(options: Options): Options {
    const { jobId, deduplication } = options;
    return {
      ...options,
      ...(jobId && { jobId: this.jobs.ownKey(jobId) }),
      ...(deduplication && { deduplication: { ...deduplication, id: this.jobs.ownKey(deduplication.id) } }),
    };
  }
}
