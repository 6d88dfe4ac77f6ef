import { FairQueue, type TenantShare, type Waiter } from './fair-queue.js';
import type { CallSite, CheckedOutConnection } from './leases.js';
import type { AcquireRequest } from './connection-pool.js';

/** A pool's fair queue of waiters, each of which waits until it is served, times out or is aborted by its signal. */
export class WaitingCallers extends FairQueue<PoolWaiter> {
  private readonly deadlines: EarliestDeadline;

  constructor(
    private readonly timeoutMs: number,
    now: () => number,
    /** Called after a waiter has been removed: with its signal's reason, or without a reason after a timeout. */
    private readonly onAbandoned: (waiter: PoolWaiter, reason?: unknown) => void,
  ) {
    super();
    this.deadlines = new EarliestDeadline(now, (passed) => this.removeOverdue(passed));
  }

  /** @throws TenantBusyError, or the reason of a signal that is already aborted */
  override push(waiter: PoolWaiter): void {
    waiter.signal?.throwIfAborted();
    super.push(waiter);
    waiter.watchSignal((reason) => {
      if (this.remove(waiter)) this.onAbandoned(waiter, reason);
    });
    this.deadlines.watch(this.deadlineOf(waiter));
  }

  override drain(): PoolWaiter[] {
    this.deadlines.stop();
    return super.drain();
  }

  private deadlineOf(waiter: PoolWaiter): number {
    return waiter.since + this.timeoutMs;
  }

  private removeOverdue(passed: number): void {
    for (const waiter of this.all()) {
      const deadline = this.deadlineOf(waiter);
      if (deadline > passed) this.deadlines.watch(deadline);
      else if (this.remove(waiter)) this.onAbandoned(waiter);
    }
  }
}

/** A caller waiting for a connection, and the promise and signal that end its wait. */
export class PoolWaiter implements Waiter {
  private onAbort: (() => void) | undefined;

  constructor(
    readonly request: AcquireRequest,
    readonly since: number,
    /** Where a lease was requested. */
    readonly site: CallSite | undefined,
    private readonly resolvePromise: (connection: CheckedOutConnection) => void,
    private readonly rejectPromise: (reason: unknown) => void,
  ) {}

  get tenantId(): string {
    return this.request.tenantId;
  }

  get share(): TenantShare {
    return this.request.share;
  }

  get allowsSharing(): boolean {
    return this.request.allowsSharing === true;
  }

  get signal(): AbortSignal | undefined {
    return this.request.signal;
  }

  /** @param onAbort called with the signal's reason; replaces an earlier callback */
  watchSignal(onAbort: (reason: unknown) => void): void {
    this.unwatch();
    const { signal } = this;
    if (!signal) return;
    this.onAbort = () => onAbort(signal.reason);
    signal.addEventListener('abort', this.onAbort);
  }

  resolve(connection: CheckedOutConnection): void {
    this.unwatch();
    this.resolvePromise(connection);
  }

  reject(reason: unknown): void {
    this.unwatch();
    this.rejectPromise(reason);
  }

  private unwatch(): void {
    if (this.onAbort) this.signal?.removeEventListener('abort', this.onAbort);
    this.onAbort = undefined;
  }
}

/**
 * A single timer for the deadlines of all waiters, set to the earliest one: a timer per waiter would cost more than the
 * rest of a short wait. The timer does not keep the process alive.
 */
export class EarliestDeadline {
  private timer: NodeJS.Timeout | undefined;
  private at = Infinity;

  constructor(
    private readonly now: () => number,
    /** Called with the deadline that has passed; calls `watch` for the next one. */
    private readonly onPassed: (deadline: number) => void,
  ) {}

  /** Ensures that `onPassed` is called at this deadline (ms of the pool's clock) or for an earlier one. */
  watch(deadline: number): void {
    if (deadline >= this.at) return;
    this.stop();
    this.at = deadline;
    this.timer = setTimeout(() => this.pass(), Math.max(0, Math.ceil(deadline - this.now()))).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.at = Infinity;
  }

  private pass(): void {
    const deadline = this.at;
    this.at = Infinity;
    this.onPassed(deadline);
  }
}
