import { currentContext } from '../../platform/context.js';

/** What a call asked of the database. */
export interface Usage {
  /** Statements sent, and transactions and sessions begun. */
  statements: number;
  /** Waited for connections, in ms. */
  waitMs: number;
}

declare module '../../platform/context.js' {
  interface CallContext {
    /** Where the call counts what it asks of the database; undefined where nothing is counted. */
    readonly usage?: Usage | undefined;
  }
}

/** The usage of the current call; undefined where nothing is counted. */
export function currentUsage(): Usage | undefined {
  return currentContext()?.usage;
}
