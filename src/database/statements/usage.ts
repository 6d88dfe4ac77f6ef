import { currentWork } from '../../platform/context.js';

/** What a piece of work asked of the database. */
export interface Usage {
  /** Statements sent, and transactions and sessions begun. */
  statements: number;
  /** Waited for connections, in ms. */
  waitMs: number;
}

/** The usage of the current work; undefined where nobody counts. */
export function currentUsage(): Usage | undefined {
  return currentWork()?.usage;
}
