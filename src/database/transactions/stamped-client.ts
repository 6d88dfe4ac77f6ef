import { EventEmitter } from 'node:events';
import { callbackify } from 'node:util';
import type pg from 'pg';
import { bindToCaller } from './caller-context.js';
import { Lease } from './lease.js';
import { SessionEndedError, TransactionAlreadyOpenError } from './transaction.errors.js';
import { runStamped } from '../statements/stamped-query.js';
import {
  assertStreamable,
  type ClassifiedStatement,
  classifyStatement,
  emptyResult,
  type Statement,
  type StatementContext,
} from '../statements/statement.js';
import { statementRecords } from '../statements/statement-records.js';
import { assertOwnCall } from '../statements/wrong-tenant.js';
import { failSubmittable, submittableText } from './submittable.js';
import { leaseForSubmittable } from './submittable-lease.js';
import type { TenantAccess } from '../statements/tenant-access.js';

type Callback = (error: Error | null, result?: pg.QueryResult) => void;

/** The inputs of `query`: a text, node-postgres' config object, or a cursor or stream. */
export type QueryInput = string | pg.QueryConfig | pg.Submittable;

/**
 * A tenant's connection as TypeORM sees it, without a physical connection until it needs one: a statement outside a
 * transaction uses one for a single round trip; `BEGIN` leases one until `COMMIT` or `ROLLBACK`.
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

  /** Ends the client. A transaction that is still open is rolled back by closing its connection. */
  release(): void {
    this.ended = true;
    const lease = this.takeLease();
    // A lease that failed to open holds no connection, and its caller has received the error.
    lease?.then((opened) => opened.release()).catch(() => undefined);
  }

  // TypeORM listens for errors of idle connections. There are none here: a pending statement rejects with the error.
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
    const isOnRecord = statementRecords.get(statement.text) !== undefined;
    const { kind, built } = isOnRecord ? ON_RECORD : classify(statement.text, this.context);
    const sent = isOnRecord ? statement : { ...statement, ...built, isChecked: built !== undefined || kind === 'rows' };
    if (kind !== 'rollback') assertOwnCall(this.access.stamp.tenantId);
    switch (kind) {
      case 'begin':
        return this.begin(sent);
      case 'commit':
      case 'rollback':
        return this.endTransaction(kind);
      case 'set-transaction':
        return this.setTransaction(sent.text);
      case 'rows':
      case 'plain':
        return this.lease ? this.lease.then((lease) => lease.query(sent)) : runStamped(this.access, sent);
    }
  }

  private get context(): StatementContext {
    return { scope: this.lease ? 'transaction' : 'statement', mayExplain: this.access.mayExplain };
  }

  private async begin({ text }: Statement): Promise<pg.QueryResult> {
    if (this.lease) throw new TransactionAlreadyOpenError();
    const opening = this.openLease(text);
    this.lease = opening;
    try {
      await opening;
    } catch (error) {
      if (this.lease === opening) this.lease = undefined;
      throw error;
    }
    return emptyResult('BEGIN');
  }

  /** A no-op outside a transaction, as in PostgreSQL. */
  private async setTransaction(command: string): Promise<pg.QueryResult> {
    return this.lease ? (await this.lease).setTransaction(command) : emptyResult('SET');
  }

  /** No-ops outside a transaction, as in PostgreSQL. */
  private async endTransaction(kind: 'commit' | 'rollback'): Promise<pg.QueryResult> {
    const lease = this.takeLease();
    return lease ? (await lease)[kind]() : emptyResult(kind.toUpperCase());
  }

  private submit<S extends pg.Submittable>(submittable: S): S {
    if (this.ended) throw new SessionEndedError();
    assertOwnCall(this.access.stamp.tenantId);
    assertStreamable(submittableText(submittable), this.context);
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
    return new Lease(connection, this.access.stamp, begin);
  }

  private takeLease(): Promise<Lease> | undefined {
    const lease = this.lease;
    this.lease = undefined;
    return lease;
  }
}

const ON_RECORD: ClassifiedStatement = Object.freeze({ kind: 'rows' });

/** Puts row statements on record: a text on record is not classified again. */
function classify(text: string, context: StatementContext): ClassifiedStatement {
  const classified = classifyStatement(text, context);
  if (classified.kind === 'rows') statementRecords.add(text);
  return classified;
}

function isSubmittable(input: QueryInput): input is pg.Submittable {
  return typeof input === 'object' && 'submit' in input;
}

/** Copies the values, because the caller may change its array while the statement waits for a connection. */
function toStatement(input: string | pg.QueryConfig, values: readonly unknown[] | undefined): Statement {
  const config: Statement = typeof input === 'string' ? { text: input } : input;
  const parameters = values ?? config.values;
  if (parameters !== undefined && parameters !== null && !Array.isArray(parameters))
    throw new TypeError('query values must be an array');
  if (typeof config.text !== 'string') throw new TypeError('a query needs a text');
  return { text: config.text, values: parameters && [...parameters], rowMode: config.rowMode, types: config.types };
}
