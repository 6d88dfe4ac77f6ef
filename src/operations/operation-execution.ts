import type { OperationFailure } from '../catalog/entities/operation.entity.js';
import { isLostConnection } from '../platform/postgres/lost-connection.js';
import { CodedError } from '../platform/errors/coded-error.js';
import type { OperationKind, OperationRun } from './operation-kind.js';
import type { OperationRecord, OperationRow } from './operation-record.js';
import { OperationCancelledError, OperationLostError } from './operation.errors.js';

const HEARTBEAT_MS = 1_000;

/** Takes one operation through the steps that it has not finished, under a lock that the caller holds. */
export class OperationExecution {
  private readonly cancelled = new AbortController();
  private readonly heartStopped = new AbortController();
  private readonly lost: AbortSignal;
  private readonly signal: AbortSignal;
  private readonly finished: string[];
  private readonly state: Record<string, string>;
  private done: number | null = null;
  private total: number | null = null;

  constructor(
    private readonly kind: OperationKind,
    private readonly row: OperationRow,
    private readonly record: OperationRecord,
    /** Aborted when the lock is lost, or when this process ends. */
    outside: AbortSignal,
  ) {
    this.lost = AbortSignal.any([this.heartStopped.signal, outside]);
    this.signal = AbortSignal.any([this.cancelled.signal, this.lost]);
    this.finished = [...row.finished_steps];
    this.state = { ...row.state };
  }

  /** Resolves when all steps are finished and that is recorded. @throws what a step threw, or why it was stopped */
  async run(): Promise<void> {
    if (this.row.cancel_requested) throw new OperationCancelledError();
    const input = this.kind.input.parse(this.row.input);
    const heart = setInterval(() => void this.beat(), HEARTBEAT_MS).unref();
    try {
      for (const step of this.kind.steps) {
        if (this.finished.includes(step.name)) continue;
        await this.record.beginStep(step.name, this.finished);
        await step.run(this.runFor(input));
        this.signal.throwIfAborted();
        this.finished.push(step.name);
        [this.done, this.total] = [null, null];
      }
      await this.record.succeed(this.finished);
    } finally {
      clearInterval(heart);
    }
  }

  private runFor(input: unknown): OperationRun<unknown> {
    const { id, tenant_id: tenantId, created_at: createdAt } = this.row;
    const { state, signal, lost } = this;
    return {
      ...{ id, tenantId, input, createdAt, signal, lost, state },
      saveState: async (values) => {
        await this.record.saveState(values);
        Object.assign(this.state, values);
      },
      reportProgress: (done, total) => {
        [this.done, this.total] = [done, total];
      },
      addResult: (result) => this.record.addResult(result),
    };
  }

  private async beat(): Promise<void> {
    try {
      if (await this.record.heartbeat(this.done, this.total)) this.cancelled.abort(new OperationCancelledError());
    } catch {
      this.heartStopped.abort(new OperationLostError()); // whatever the reason: the lock is on the connection that failed
    }
  }
}

/** What a caller may read of an error; the rest of it is in the log. */
export function failureOf(error: unknown): OperationFailure {
  if (error instanceof CodedError) return { code: error.code, message: error.publicMessage };
  if (isLostConnection(error)) return { code: 'DATABASE_UNAVAILABLE', message: 'a database went away' };
  return { code: 'INTERNAL_ERROR', message: 'something went wrong on our side: see the log of the instance' };
}

/** Whether the same step may well succeed a little later. */
export function isTransient(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return isLostConnection(error) || isLostConnection(cause);
}
