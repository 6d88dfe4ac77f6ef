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
