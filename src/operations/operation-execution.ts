import { setMaxListeners } from 'node:events';
import pg from 'pg';
import { isLostConnection } from '../platform/postgres/lost-connection.js';
import type { OperationKind, OperationRun } from './operation-kind.js';
import type { OperationRecord, OperationRow } from './operation-record.js';
import { OperationCancelledError, OperationLostError } from './operation.errors.js';

const HEARTBEAT_INTERVAL_MS = 1_000;

/** Runs the unfinished steps of one operation. The caller holds the operation's lock. */
export class OperationExecution {
  private readonly cancellation = new AbortController();
  private readonly heartbeatFailed = new AbortController();
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
    /** Aborted when the lock is lost or this process shuts down. */
    interrupted: AbortSignal,
  ) {
    this.lost = AbortSignal.any([this.heartbeatFailed.signal, interrupted]);
    this.signal = AbortSignal.any([this.cancellation.signal, this.lost]);
    setMaxListeners(0, this.lost, this.signal); // one per unit of a fleet that is being migrated
    this.finished = [...row.finished_steps];
    this.state = { ...row.state };
  }

  /**
   * Resolves once all steps are finished and recorded as such.
   *
   * @throws OperationCancelledError, OperationLostError, or the error of the step that failed
   */
  async run(): Promise<void> {
    if (this.row.cancel_requested) throw new OperationCancelledError();
    const input = this.kind.input.parse(this.row.input);
    const heartbeatTimer = setInterval(() => void this.sendHeartbeat(), HEARTBEAT_INTERVAL_MS).unref();
    try {
      const { steps } = this.kind;
      await this.record.setSteps(steps.map(({ name }) => name));
      for (const step of steps) {
        if (this.finished.includes(step.name)) continue;
        await this.record.beginStep(step.name, this.finished);
        await this.runStep(step, input);
        this.finished.push(step.name);
        [this.done, this.total] = [null, null];
      }
      await this.record.succeed(this.finished);
    } finally {
      clearInterval(heartbeatTimer);
    }
  }

  /** Whatever a step throws that was aborted: its end is that of a cancellation, or the loss, not a failure of its own. */
  private async runStep(step: OperationKind['steps'][number], input: unknown): Promise<void> {
    try {
      await step.run(this.contextFor(input));
    } catch (error) {
      this.signal.throwIfAborted();
      throw error;
    }
    this.signal.throwIfAborted();
  }

  private contextFor(input: unknown): OperationRun<unknown> {
    const { id, tenant_id: tenantId, created_at: createdAt } = this.row;
    const { state, signal, lost } = this;
    return {
      id,
      tenantId,
      input,
      createdAt,
      signal,
      lost,
      state,
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

  private async sendHeartbeat(): Promise<void> {
    try {
      if (await this.record.heartbeat(this.done, this.total)) this.cancellation.abort(new OperationCancelledError());
    } catch {
      this.heartbeatFailed.abort(new OperationLostError()); // whatever the error: the lock's connection failed
    }
  }
}

/** Whether the same step is likely to succeed when it is retried shortly. */
export function isTransient(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return [error, cause].some((one) => isLostConnection(one) || isConcurrentChange(one));
}

/** Functions of PostgreSQL that fail the second of two sessions that change one row of a system catalog, such as a role's, at once. */
const CONCURRENT_CHANGES: ReadonlySet<string | undefined> = new Set(['simple_heap_update', 'simple_heap_delete']);

function isConcurrentChange(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === 'XX000' && CONCURRENT_CHANGES.has(error.routine);
}
