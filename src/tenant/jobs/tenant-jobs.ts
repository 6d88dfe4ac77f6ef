import { Injectable, Logger } from '@nestjs/common';
import { runInContext } from '../../platform/context.js';
import { isCodedError } from '../../platform/errors/coded-error.js';
import { TenantGoneError, TenantSuspendedError, TenantUnavailableError } from '../admission/admission.errors.js';
import { type CarriedData, carrierIn, withCarrier } from '../carrier/carried-data.js';
import { CarrierExpiredError, InvalidCarrierError, MissingCarrierError } from '../carrier/carrier.errors.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { type CaptureOptions, TenantContext } from '../context/tenant-context.js';
import { type CompleteJobPolicy, type JobPolicy, parseJobPolicy } from './job-policy.js';
import { JobRefusedError } from './job.errors.js';

/** How a job ended that was not refused and did not fail. `reason`: as in `JobRefusedError`. */
export type JobOutcome<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** Not done: it is to be run again after `delayMs`, without counting as a failed attempt. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly delayMs: number }
  | { readonly kind: 'dropped'; readonly reason: string };

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
   * served, before or while it runs, the policy decides.
   *
   * @param data the job's, as `carry` has made it; anything else is refused
   * @param waits how often this job has waited already
   * @throws JobRefusedError, InvalidJobPolicyError, and what `work` rejects with
   */
  async run<Result>(
    data: unknown,
    work: () => Promise<Result>,
    policy: JobPolicy = {},
    waits = 0,
  ): Promise<JobOutcome<Result>> {
    const complete = parseJobPolicy(policy);
    let hasBegun = false;
    const begin = (): Promise<Result> => {
      hasBegun = true;
      return work();
    };
    try {
      // A context of its own, and not none at all: tracing keeps its spans in another one.
      const result = await runInContext({}, async () => this.connections.resume(carrierIn(data), begin));
      return { kind: 'done', result };
    } catch (error) {
      if (!hasBegun && isCarrierError(error)) throw new JobRefusedError(error.code, error);
      const situation = situationOf(error);
      if (!situation || (hasBegun && situation !== 'unavailable' && (await this.isServed(data)))) throw error;
      return this.decide(situation, error, complete, waits);
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
