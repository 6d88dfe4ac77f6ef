import type { Turn } from '../statements/stamped-query.js';

/**
 * Whose turn it is on one client: node-postgres runs the statements of a client in the order of the calls, whether or not
 * they are awaited. A turn is a statement, a transaction from `BEGIN` to its end, or a cursor.
 */
export class ClientTurns implements Turn {
  private isTaken = false;
  private waiting: (() => void)[] | undefined;

  /** Takes the turn when no other is in progress. */
  tryTake(): boolean {
    if (this.isTaken) return false;
    return (this.isTaken = true);
  }

  /** Takes the turn once all earlier ones have ended, and starts the step; at once when there are none. */
  take<T>(start: () => Promise<T>): Promise<T> {
    if (this.tryTake()) return start();
    return new Promise<void>((resolve) => (this.waiting ??= []).push(resolve)).then(start);
  }

  /** Must be called once for each turn that was taken. */
  end(): void {
    const next = this.waiting?.shift();
    if (next) next();
    else this.isTaken = false;
  }
}
