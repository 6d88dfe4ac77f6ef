import { AsyncLocalStorage } from 'node:async_hooks';

/** What a piece of work asked of the database. */
export interface Usage {
  /** Statements sent, and transactions and sessions begun. */
  statements: number;
  /** Waited for connections, in ms. */
  waitMs: number;
}

const storage = new AsyncLocalStorage<Usage>();

/** Runs `work`, and everything it awaits, counting into `usage`. */
export function measured<T>(usage: Usage, work: () => T): T {
  return storage.run(usage, work);
}

/** The usage of the current work; undefined where nobody counts. */
export function currentUsage(): Usage | undefined {
  return storage.getStore();
}
