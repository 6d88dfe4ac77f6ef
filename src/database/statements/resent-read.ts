import type pg from 'pg';

/** Passes the outcome of a statement to its caller; without a result it is the error. */
export type Settle = (error: unknown, result?: pg.QueryResult) => void;

/** A read under way a second time while its first sending is held up: the first answer counts, and an error only if both fail. */
export class ResentRead {
  private isSettled = false;

  /**
   * @param answer of the second sending
   * @param stop ends its wait for a connection
   */
  constructor(
    private readonly answer: Promise<pg.QueryResult>,
    private readonly stop: AbortController,
    private readonly settle: Settle,
  ) {
    answer.then(
      (result) => this.settleOnce(undefined, result),
      () => undefined, // the first sending may still be answered
    );
  }

  /** The first sending was answered. */
  firstAnswered(result: pg.QueryResult): void {
    this.settleOnce(undefined, result);
    this.stop.abort();
  }

  /** The first sending failed: its error counts if the second one fails as well. */
  firstFailed(reason: unknown): void {
    this.answer.catch(() => this.settleOnce(reason));
  }

  private settleOnce(error: unknown, result?: pg.QueryResult): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.settle(error, result);
  }
}
