import { EarliestDeadline } from './earliest-deadline.js';
import { FairQueue } from './fair-queue.js';
import type { PoolWaiter } from './pool-waiter.js';

/** The callers of a pool who wait: in their tenants' turns, each until it is served, its time is over or it gives up. */
export class WaitingCallers extends FairQueue<PoolWaiter> {
  private readonly deadlines: EarliestDeadline;

  constructor(
    private readonly timeoutMs: number,
    now: () => number,
    /** Told of those who left, when they have: with the reason of their signal, or without one when their time was over. */
    private readonly onLeft: (waiter: PoolWaiter, reason?: unknown) => void,
  ) {
    super();
    this.deadlines = new EarliestDeadline(now, (passed) => this.removeOverdue(passed));
  }

  /** @throws TenantBusyError, and the reason of a signal that is aborted already */
  override push(waiter: PoolWaiter): void {
    waiter.signal?.throwIfAborted();
    super.push(waiter);
    waiter.watchSignal((reason) => {
      if (this.remove(waiter)) this.onLeft(waiter, reason);
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
      else if (this.remove(waiter)) this.onLeft(waiter);
    }
  }
}
