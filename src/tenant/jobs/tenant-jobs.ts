import { Injectable, Logger } from '@nestjs/common';
import { runInContext } from '../../platform/context.js';
import { isCodedError } from '../../platform/errors/coded-error.js';
import { TenantGoneError, TenantSuspendedError, TenantUnavailableError } from '../admission/admission.errors.js';
import { type CarriedData, carrierIn, withCarrier } from '../carrier/carried-data.js';
import { CarrierExpiredError, InvalidCarrierError, MissingCarrierError } from '../carrier/carrier.errors.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { type CaptureOptions, TenantContext, type TenantScope } from '../context/tenant-context.js';
import { JobSlots, type JobSlot } from './job-slots.js';
import { type CompleteJobPolicy, type JobPolicy, parseJobPolicy } from './job-policy.js';
import { JobRefusedError } from './job.errors.js';

/** How a job ended that was not refused and did not fail. `reason`: as in `JobRefusedError`. */
export type JobOutcome<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /**
   * Not done: it is to be run again after `delayMs`, without counting as a failed attempt. `reason` is `JOB_LIMIT` where as many jobs of the
   * tenant run as its limit admits; that counts for `limitWaits` of `run`, and not for `waits`.
   */
  | { readonly kind: 'waiting'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'dropped'; readonly reason: string };

/** The reason of a job that waits because of `maxConcurrentJobs`. */
export const JOB_LIMIT = 'JOB_LIMIT';

const AT_LIMIT = new Error('as many jobs of the tenant run as its limit admits');
const SHORTEST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

/** Why a job's tenant is not served. */
type Situation = 'suspended' | 'deleted' | 'unavailable';

const REASONS: Readonly<Record<Situation, string>> = {
  suspended: 'TENANT_SUSPENDED',
  deleted: 'TENANT_DELETED',
  unavailable: 'TENANT_UNAVAILABLE',
};

/** Carries tenants through queues: into a job's data when it is added, into the context when it runs. For any queue. */
@Injectable()
export class TenantJobs {
  private readonly logger = new Logger(TenantJobs.name);

  /** @internal */
  constructor(
    private readonly context: TenantContext,
    private readonly connections: TenantConnectionService,
    private readonly slots: JobSlots,
  ) {}

  /**
   * A job's data, with the current tenant and principal.
   *
   * @throws NoTenantContextError, UncarriablePrincipalError, UncarriableDataError
   */
  carry<Data extends object>(data: Data, options?: CaptureOptions): CarriedData<Data> {
    return withCarrier(data, this.context.capture(options));
  }

  /**
   * The current tenant's own form of a key that a queue takes once only, such as BullMQ's `jobId`: two tenants that choose the
   * same key would otherwise have one job between them. `TenantQueue` and `TenantBoss` call it themselves.
   *
   * @returns `<tenant id>.<key>`
   * @throws NoTenantContextError
   */
  ownKey(key: string): string {
    return `${this.context.current().tenant.id}.${key}`;
  }

  /**
   * Runs a job in the context of its tenant, and in nothing of the context that the worker was started in. When its tenant is not
   * served, before or while it runs, the policy decides. When as many jobs of its tenant run as `maxConcurrentJobs` admits, it waits: from a
   * second to half a minute, the longer the more often, and never longer than the policy's `waitMs`.
   *
   * @param data the job's, as `carry` has made it; anything else is refused
   * @param waits how often this job has waited already, because its tenant was not served
   * @param limitWaits how often because of the limit
   * @throws JobRefusedError, InvalidJobPolicyError, and what `work` rejects with
   */
  async run<Result>(
    data: unknown,
    work: () => Promise<Result>,
    policy: JobPolicy = {},
    waits = 0,
    limitWaits = 0,
  ): Promise<JobOutcome<Result>> {
    const complete = parseJobPolicy(policy);
    let hasBegun = false;
    let slot: JobSlot | undefined;
    const admit = async ({ tenant, limits }: TenantScope): Promise<void> => {
      if (limits?.maxConcurrentJobs === undefined) return;
      slot = await this.slots.take(tenant.id, limits.maxConcurrentJobs);
      if (!slot) throw AT_LIMIT;
    };
    const begin = (): Promise<Result> => {
      hasBegun = true;
      return work();
    };
    try {
      // A context of its own, and not none at all: tracing keeps its spans in another one.
      const result = await runInContext({}, async () => this.connections.resumeAdmitted(carrierIn(data), begin, admit));
      return { kind: 'done', result };
    } catch (error) {
      if (error === AT_LIMIT)
        return { kind: 'waiting', reason: JOB_LIMIT, delayMs: delayAtLimit(limitWaits, complete) };
      if (!hasBegun && isCarrierError(error)) throw new JobRefusedError(error.code, error);
      const situation = situationOf(error);
      if (!situation || (hasBegun && situation !== 'unavailable' && (await this.isServed(data)))) throw error;
      return this.decide(situation, error, complete, waits);
    } finally {
      slot?.free();
    }
  }

  /** Otherwise the tenant that is suspended or gone is another one, for which the work has done something. */
  private async isServed(data: unknown): Promise<boolean> {
    try {
      await runInContext({}, async () => this.connections.resume(carrierIn(data), async () => undefined));
      return true;
    } catch {
      return false;
    }
  }

  private decide(
    situation: Situation,
    error: unknown,
    policy: CompleteJobPolicy,
    waits: number,
  ): Exclude<JobOutcome<never>, { kind: 'done' }> {
    const reason = REASONS[situation];
    const choice = choiceOf(situation, policy);
    if (choice === 'drop') {
      this.logger.warn(`A job is dropped: ${reason}`);
      return { kind: 'dropped', reason };
    }
    if (choice === 'refuse') throw new JobRefusedError(reason, error);
    if (waits >= policy.maxWaits) throw new JobRefusedError(reason, error, `, after ${waits} waits`);
    return { kind: 'waiting', reason, delayMs: policy.waitMs };
  }
}

/** Longer with each wait, as a tenant may have thousands of jobs; and not all at the same time. */
function delayAtLimit(limitWaits: number, { waitMs }: CompleteJobPolicy): number {
  const longest = Math.min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** Math.min(limitWaits, 10));
  return Math.min(waitMs, Math.ceil(longest * (0.5 + Math.random() / 2)));
}

function choiceOf(situation: Situation, policy: CompleteJobPolicy): 'wait' | 'refuse' | 'drop' {
  if (situation === 'suspended') return policy.whenSuspended;
  return situation === 'deleted' ? policy.whenDeleted : policy.whenUnavailable;
}

function isCarrierError(error: unknown): error is MissingCarrierError | InvalidCarrierError | CarrierExpiredError {
  return [MissingCarrierError, InvalidCarrierError, CarrierExpiredError].some((type) => error instanceof type);
}

/** Undefined for failures of the work itself. */
function situationOf(error: unknown): Situation | undefined {
  if (error instanceof TenantSuspendedError) return 'suspended';
  if (error instanceof TenantGoneError) return 'deleted';
  const isUnavailable = error instanceof TenantUnavailableError;
  return isUnavailable || (isCodedError(error) && error.code === 'CATALOG_UNAVAILABLE') ? 'unavailable' : undefined;
}
