/** Executions after which a statement counts as frequent. */
export const MIN_EXECUTIONS = 3;
/** Statements that take longer than this on average get a connection of their own. */
const QUICK_MS = 10;
/** The moving average spans about this many executions. */
const AVERAGE_WINDOW = 8;

/** How long one statement takes in one place: the same text may be quick for one schema, and wait for a lock in another. */
export class StatementSpeed {
  private executions = 0;
  private averageMs = 0;

  /** Whether it is fast on average. */
  get isQuick(): boolean {
    return this.executions >= MIN_EXECUTIONS && this.averageMs < QUICK_MS;
  }

  /**
   * @param ms how long the server took
   * @param isCold whether the server may have been slow because the connection was new
   */
  record(ms: number, isCold: boolean): void {
    if (isCold && ms >= QUICK_MS) return;
    this.executions += 1;
    this.averageMs += (ms - this.averageMs) / AVERAGE_WINDOW;
  }

  /** It is holding up others now: it is not quick until several executions have been. */
  markSlow(): void {
    this.averageMs = Math.max(this.averageMs, 2 * QUICK_MS);
  }
}
