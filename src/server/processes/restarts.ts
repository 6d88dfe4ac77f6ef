/** A worker that has lived for this long was started well. */
const SETTLED_MS = 30_000;
/**
 * PostgreSQL notices within `client_connection_check_interval`, 2 s, that a killed worker is gone. A replacement that came
 * sooner could exceed the server's limit with it.
 */
const FIRST_DELAY_MS = 2_500;

/** After so many workers in a row that did not settle, none is started any more. */
export const MAX_EARLY_ENDS = 5;

/** Decides when a worker that has ended is replaced. */
export class Restarts {
  private earlyEnds = 0;

  /** @returns ms until the replacement starts; undefined: none is started any more */
  delayAfter(livedMs: number): number | undefined {
    this.earlyEnds = livedMs < SETTLED_MS ? this.earlyEnds + 1 : 0;
    if (this.earlyEnds >= MAX_EARLY_ENDS) return undefined;
    return FIRST_DELAY_MS * 2 ** Math.max(0, this.earlyEnds - 1);
  }
}
