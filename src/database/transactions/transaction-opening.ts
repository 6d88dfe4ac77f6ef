import type pg from 'pg';
import type { Outcome } from '../statements/client-flights.js';
import { flushAtEndOfTurn } from '../../platform/end-of-turn.js';
import type { Statement } from '../statements/statement.js';

/**
 * The first statements of a transaction. Those that are called for in one turn of the event loop go out together behind its
 * `BEGIN`, up to one `Sync`: should `BEGIN` fail, none of them runs outside a transaction.
 */
export class TransactionOpening {
  readonly statements: Statement[] = [];
  readonly outcomes: Outcome[] = [];
  /** Resolves when it is closed. */
  readonly closed: Promise<void>;
  private markClosed!: () => void;
  private admits = true;

  constructor() {
    this.closed = new Promise((resolve) => (this.markClosed = resolve));
    flushAtEndOfTurn({ flush: () => this.close() });
  }

  /** Whether another statement may go out with it. */
  get isOpen(): boolean {
    return this.admits;
  }

  add(statement: Statement): Promise<pg.QueryResult> {
    this.statements.push(statement);
    return new Promise((succeed, fail) => this.outcomes.push({ succeed, fail }));
  }

  /** What is called for from now on goes out after it. */
  close(): void {
    this.admits = false;
    this.markClosed();
  }
}
