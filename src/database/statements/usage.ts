import { currentContext } from '../../platform/context.js';

/** What a call used of the database. */
export interface Usage {
  /** Statements sent, and transactions and sessions begun. */
  statements: number;
  /** Time spent waiting for connections, in ms. */
  waitMs: number;
}

declare module '../../platform/context.js' {
  interface CallContext {
    /** The call's database usage counters; undefined where usage is not counted. */
    readonly usage?: Usage | undefined;
  }
}

/** The usage counters of the current call; undefined where usage is not counted. */
export function currentUsage(): Usage | undefined {
  return currentContext()?.usage;
}
