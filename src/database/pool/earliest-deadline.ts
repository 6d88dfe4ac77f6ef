/**
 * One timer for the deadlines of all who wait, set to the earliest: a timer for each of them would cost more than the
 * rest of a short wait. It keeps no process alive that has nothing else to do.
 */
export class EarliestDeadline {
  private timer: NodeJS.Timeout | undefined;
  private at = Infinity;

  constructor(
    private readonly now: () => number,
    /** Told which deadline has passed; asks for the next one with `watch`. */
    private readonly onPassed: (deadline: number) => void,
  ) {}

  /** Sees to it that `onPassed` is called for this deadline, in ms of the pool's clock, or for an earlier one. */
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
