import { EventEmitter } from 'node:events';
import { callbackify } from 'node:util';
import type pg from 'pg';
import { bindToCaller } from './caller-context.js';
import { Lease } from './lease.js';
import { SessionEndedError, TransactionAlreadyOpenError } from './transaction.errors.js';
import { localStampCommands } from '../statements/stamp.js';
import { runStamped } from '../statements/stamped-query.js';
import {
  assertStreamable,
  beginCommand,
  classifyStatement,
  emptyResult,
  isRowStatement,
  type Statement,
  type StatementKind,
} from '../statements/statement.js';
import { statementRecords } from '../statements/statement-records.js';
import { failSubmittable, submittableText } from './submittable.js';
import { leaseForSubmittable } from './submittable-lease.js';
import type { TenantAccess } from '../statements/tenant-access.js';

type Callback = (error: Error | null, result?: pg.QueryResult) => void;

/** What `query` accepts: text and values, node-postgres' config object, or a cursor or stream. */
export type QueryInput = string | pg.QueryConfig | pg.Submittable;

/**
 * A tenant's connection as TypeORM sees it, with nothing behind it until it is needed: a statement outside a
 * transaction borrows a physical connection for its one flight; `BEGIN` leases one until `COMMIT` or `ROLLBACK`.
 */
export class StampedClient {
  private lease: Promise<Lease> | undefined;
  private ended = false;

  constructor(private readonly access: TenantAccess) {}

  query<S extends pg.Submittable>(submittable: S): S;
  query(input: string | pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult>;
  query(input: string | pg.QueryConfig, callback: Callback): void;
  query(input: string | pg.QueryConfig, values: readonly unknown[] | undefined, callback: Callback): void;
  query(input: QueryInput, values?: readonly unknown[] | Callback, callback?: Callback): unknown {
    if (isSubmittable(input)) return this.submit(input);
    if (typeof values === 'function') return this.query(input, undefined, values);
    const result = this.run(input, values);
    if (!callback) return result;
    callbackify(() => result)(callback);
    return undefined;
  }

  /** Gives everything back. A transaction that is still open is rolled back by closing its connection. */
  release(): void {
    this.ended = true;
    const lease = this.takeLease();
    // A lease that could not be begun has nothing to give back, and its caller was told.
    lease?.then((held) => held.release()).catch(() => undefined);
  }

  // TypeORM listens for errors of an idle connection. There is none here: whoever waits on a statement is told.
  on(): this {
    return this;
  }

  removeListener(): this {
    return this;
  }

  private run(input: string | pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      return this.dispatch(toStatement(input, values));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private dispatch(statement: Statement): Promise<pg.QueryResult> {
    if (this.ended) throw new SessionEndedError();
    const kind = kindOf(statement.text, this.lease !== undefined);
    switch (kind) {
      case 'begin':
        return this.begin(statement);
      case 'commit':
      case 'rollback':
        return this.endTransaction(kind);
      case 'plain':
        return this.lease ? this.lease.then((lease) => lease.query(statement)) : runStamped(this.access, statement);
    }
  }

  private async begin(statement: Statement): Promise<pg.QueryResult> {
    if (this.lease) throw new TransactionAlreadyOpenError();
    const opening = this.openLease(beginCommand(statement.text));
    this.lease = opening;
    try {
      await opening;
    } catch (error) {
      if (this.lease === opening) this.lease = undefined;
      throw error;
    }
    return emptyResult('BEGIN');
  }

  /** Without a transaction these are no-ops, as they are in PostgreSQL. */
  private async endTransaction(kind: 'commit' | 'rollback'): Promise<pg.QueryResult> {
    const lease = this.takeLease();
    return lease ? (await lease)[kind]() : emptyResult(kind.toUpperCase());
  }

  private submit<S extends pg.Submittable>(submittable: S): S {
    if (this.ended) throw new SessionEndedError();
    assertStreamable(submittableText(submittable), this.lease !== undefined);
    if (submittable instanceof EventEmitter) bindToCaller(submittable);
    if (this.lease) {
      this.lease
        .then((lease) => lease.submit(submittable))
        .catch((error: unknown) => failSubmittable(submittable, error));
    } else {
      void leaseForSubmittable(submittable, () => this.openLease('BEGIN'));
    }
    return submittable;
  }

  private async openLease(begin: string): Promise<Lease> {
    const connection = await this.access.acquireForLease();
    return Lease.begin(connection, `${begin}; ${localStampCommands(this.access.stamp)}`);
  }

  private takeLease(): Promise<Lease> | undefined {
    const lease = this.lease;
    this.lease = undefined;
    return lease;
  }
}

/** A text that was found to be a row statement once is not read again. */
function kindOf(text: string, inTransaction: boolean): StatementKind {
  if (statementRecords.get(text)) return 'plain';
  if (!isRowStatement(text)) return classifyStatement(text, inTransaction);
  statementRecords.add(text);
  return 'plain';
}

function isSubmittable(input: QueryInput): input is pg.Submittable {
  return typeof input === 'object' && 'submit' in input;
}

/** The values are copied: the caller may go on to change them while the statement waits for a connection. */
function toStatement(input: string | pg.QueryConfig, values: readonly unknown[] | undefined): Statement {
  const config: Statement = typeof input === 'string' ? { text: input } : input;
  const given = values ?? config.values;
  if (given !== undefined && given !== null && !Array.isArray(given))
    throw new TypeError('query values must be an array');
  if (typeof config.text !== 'string') throw new TypeError('a query needs a text');
  return { text: config.text, values: given && [...given], rowMode: config.rowMode, types: config.types };
}
