import { Injectable, Logger } from '@nestjs/common';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import type { TenantHooksClass } from '../../database/table-migrations/tenant-schema/tenant-hooks-class.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import { OperationCancelledError } from '../../operations/operation.errors.js';
import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import { HookHost } from './hook-host.js';
import { type HookKey, HookRecords } from './hook-records.js';
import { type HookPlace, OperationScopes } from './operation-scopes.js';
import type { HookCall, TenantEvent } from './tenant-hooks.js';
import { HookTimeoutError } from './tenant-hooks.errors.js';

/** The operation that calls. */
export interface CallingOperation {
  readonly id: string;
  readonly signal: AbortSignal;
  /** Seconds between the attempts of a hook: one more attempt than delays. */
  readonly delays: readonly number[];
}

/** What became of a call. */
export type HookOutcome =
  | { readonly status: 'succeeded' }
  | { readonly status: 'retrying'; readonly delaySeconds: number; readonly failure: OperationFailure }
  | { readonly status: 'failed'; readonly failure: OperationFailure };

interface Work {
  readonly key: HookKey;
  readonly timeoutMs: number;
  readonly delays: readonly number[];
}

/** Calls the application's hooks, once per attempt, and records what became of them. */
@Injectable()
export class HookCalls {
  private readonly logger = new Logger('Hooks');

  constructor(
    private readonly host: HookHost,
    private readonly records: HookRecords,
    private readonly scopes: OperationScopes,
  ) {}

  /**
   * One attempt, unless the hook has succeeded before. Its failure is an outcome.
   *
   * @throws the signal's reason, or an error of the catalog
   */
  async attempt(
    operation: CallingOperation,
    tenantId: string,
    event: TenantEvent,
    hook: TenantHooksClass,
    place?: HookPlace,
  ): Promise<HookOutcome> {
    const key = { operationId: operation.id, tenantId, event, hook: hook.name };
    const { timeoutMs } = hook;
    const { delays } = operation;
    return this.record({ key, timeoutMs, delays }, operation.signal, async (call) => {
      const tenant = await this.scopes.find(tenantId, place);
      if (tenant) await this.call(tenant, event, hook, call);
    });
  }

  /** Does work that is recorded, tried again and limited as a hook is. @throws as `attempt` does */
  async record(
    { key, timeoutMs, delays }: Work,
    operationSignal: AbortSignal,
    work: (call: HookCall, transactionId: string | null) => Promise<void>,
  ): Promise<HookOutcome> {
    operationSignal.throwIfAborted();
    const begun = await this.records.begin(key);
    if (!begun) return { status: 'succeeded' };
    const { attempt, transactionId } = begun;
    const timeout = new AbortController();
    const signal = AbortSignal.any([operationSignal, timeout.signal]);
    const call = { key: textOf(key), operationId: key.operationId, attempt, signal };
    const startedAt = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAt);
    try {
      await withDeadline(untilAborted(work(call, transactionId), operationSignal), timeoutMs);
    } catch (error) {
      const isLate = error instanceof DeadlineError;
      if (isLate) timeout.abort(new HookTimeoutError(timeoutMs));
      await this.throwIfAborted(operationSignal, key, elapsed());
      const delaySeconds = delays[attempt - 1];
      return this.fail({ key, attempt, delaySeconds }, isLate ? new HookTimeoutError(timeoutMs) : error, elapsed());
    }
    await this.records.end(key, 'succeeded', { durationMs: elapsed() });
    return { status: 'succeeded' };
  }

  /** A hook that a cancellation has ended was called for the last time; one that a shutdown has ended is called again. */
  private async throwIfAborted(signal: AbortSignal, key: HookKey, durationMs: number): Promise<void> {
    const reason: unknown = signal.reason;
    if (reason instanceof OperationCancelledError) {
      await this.records.end(key, 'failed', { failure: failureOf(reason), durationMs });
    }
    signal.throwIfAborted();
  }

  private async fail(
    { key, attempt, delaySeconds }: { key: HookKey; attempt: number; delaySeconds: number | undefined },
    error: unknown,
    durationMs: number,
  ): Promise<HookOutcome> {
    const failure = failureOf(error);
    const status = delaySeconds === undefined ? 'failed' : 'retrying';
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.logger.warn(`${key.event} of ${key.hook} failed, attempt ${attempt}, tenant ${key.tenantId}: ${reason}`);
    await this.records.end(key, status, { failure, durationMs });
    return delaySeconds === undefined ? { status: 'failed', failure } : { status: 'retrying', delaySeconds, failure };
  }

  private async call(tenant: Tenant, event: TenantEvent, hook: TenantHooksClass, call: HookCall): Promise<void> {
    const instance = this.host.instanceOf(hook);
    const run = async (): Promise<void> => instance[event]?.(tenant, call);
    if (event === 'deleted') return run();
    if (event === 'deleting' && tenant.schemaVersion === null) return; // its provisioning never ended
    const scope = await this.scopes.open(tenant);
    if (!scope) return; // there never was anything of the tenant's
    await this.host.context?.run(scope, run);
  }
}

/** Settles like `work`, or rejects as soon as the operation must stop. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
  });
  try {
    await Promise.race([work, stopped]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}

function textOf({ operationId, tenantId, event, hook }: HookKey): string {
  return [operationId, tenantId, event, hook].join('/');
}
