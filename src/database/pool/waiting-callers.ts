import { EarliestDeadline } from './earliest-deadline.js';
import { FairQueue } from './fair-queue.js';
import type { PoolWaiter } from './pool-waiter.js';

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
