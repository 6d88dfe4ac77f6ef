import { currentContext } from '../../platform/context.js';

/** What a call used of the database. */
export interface Usage {
  /** Statements sent, and transactions and sessions begun. */
  statements: number;
  /** Time spent waiting for connections, in ms. */
  waitMs: number;
  /** Time from sending statements to their answers, in ms; the times of statements under way together add up. */
  databaseMs: number;
  /** Rows returned by selects; not those of cursors and streams. */
  rowsRead: number;
  /** Rows that were inserted, updated and deleted, also by transactions that were rolled back later. */
  rowsWritten: number;
}

declare module '../../platform/context.js' {
  interface CallContext {
    /** The call's database usage counters; undefined where usage is not counted. */
    readonly usage?: Usage | undefined;
  }
}

/** Counters of a call that has used nothing yet. */
export function newUsage(): Usage {
  return { statements: 0, waitMs: 0, databaseMs: 0, rowsRead: 0, rowsWritten: 0 };
}

/** The usage counters of the current call; undefined where usage is not counted. */
export function currentUsage(): Usage | undefined {
  return currentContext()?.usage;
}

/** What an answer says about its rows. */
interface Answer {
  readonly command?: string | null;
  readonly rowCount?: number | null;
}

/** Adds the rows of an answer, as its command tag counts them. */
export function countRows(usage: Usage, { command, rowCount }: Answer): void {
  if (!rowCount) return;
  if (command === 'SELECT') usage.rowsRead += rowCount;
  else if (command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE')
    usage.rowsWritten += rowCount;
}
