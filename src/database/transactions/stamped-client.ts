import { callbackify } from 'node:util';
import type pg from 'pg';
import { ClientTurns } from './client-turns.js';
import { Lease, leaseFor, type LeaseOptions, type TransactionPlace } from './lease.js';
import { SessionEndedError, TransactionAlreadyOpenError } from './transaction.errors.js';
import { runStamped } from '../statements/stamped-query.js';
import { emptyResult, type Statement } from '../statements/statement.js';
import {
  assertStreamable,
  type ClassifiedStatement,
  classifyStatement,
  type StatementContext,
  type StatementKind,
} from '../sql-guard/classify-statement.js';
import { statementRecords } from '../statements/statement-records.js';
import { assertMayAdd } from '../sql-guard/growth.js';
import { assertOwnCall } from '../statements/wrong-tenant.js';
import { StatementBatch } from '../batches/statement-batch.js';
import { assertReads, readOnlyBegin } from '../replicas/reads-only.js';
import { refusedWrite, ReplicaReadOnlyError } from '../replicas/replicas.errors.js';
import { currentPositions } from '../statements/positions/call-positions.js';
import { currentReplicaScope, type ReplicaScope } from '../statements/positions/replica-scope.js';
import { withPosition } from '../statements/positions/with-position.js';
import { StatementNames } from './statement-names.js';
import { Submission } from './submission.js';
import { type SubmittableInternals, submittableOf } from '../connection/pg-internals.js';
import type { TenantAccess } from '../statements/tenant-access.js';

const TRANSACTION_ID = 'SELECT pg_catalog.pg_current_xact_id()::text AS id';

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
  private readonly turns = new ClientTurns();
  private names: StatementNames | undefined;
  private batch: StatementBatch | undefined;
  /** Whether the open transaction was begun where only reads are allowed. */
  private readsOnly = false;

  constructor(private readonly first: TenantAccess) {}

  /** Follows the tenant, whose rows may move while the client is in use. */
  private get access(): TenantAccess {
    return this.first.current;
  }

  query<S extends pg.Submittable>(submittable: S): S;
  query(input: string | pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult>;
  query(input: string | pg.QueryConfig, callback: Callback): void;
  query(input: string | pg.QueryConfig, values: readonly unknown[] | undefined, callback: Callback): void;
  query(input: QueryInput, values?: readonly unknown[] | Callback, callback?: Callback): unknown {
    const given = typeof values === 'function' ? values : callback;
    if (isSubmittable(input)) return this.submit(input, given);
    const result = this.run(input, typeof values === 'function' ? undefined : values);
    const called = given ?? (input as { readonly callback?: Callback }).callback;
    if (!called) return result;
    callbackify(() => result)(called);
    return undefined;
  }

  /** From now on its statements are collected, to be sent together. @throws ReplicaReadOnlyError */
  beginBatch(): StatementBatch {
    if (currentReplicaScope()) throw new ReplicaReadOnlyError('a batch');
    return (this.batch = new StatementBatch(this.access));
  }

  /** Replaces the limits of the open transaction. @throws the errors of a statement */
  async limitTransaction(options: LeaseOptions): Promise<void> {
    await (await this.lease)?.limit(options);
  }

  /** Id of the open transaction, under which `pg_xact_status` knows its outcome. @throws the errors of a statement */
  async transactionId(): Promise<string> {
    const result = await (await this.lease)?.query({ text: TRANSACTION_ID, isChecked: true });
    return String(result?.rows[0]?.id);
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
      const name = typeof input === 'string' ? undefined : input.name;
      if (name === undefined || typeof input === 'string') return this.dispatch(toStatement(input, values));
      return this.runNamed(name, input, values);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private async runNamed(name: string, input: pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult> {
    const names = (this.names ??= new StatementNames());
    const text = names.resolve(name, input.text) as string;
    try {
      return await this.dispatch(toStatement({ ...input, text }, values));
    } catch (error) {
      names.forget(name);
      throw error;
    }
  }

  private dispatch(statement: Statement): Promise<pg.QueryResult> {
    if (this.ended) throw new SessionEndedError();
    const isOnRecord = statementRecords.get(statement.text) !== undefined;
    const { kind, built } = isOnRecord ? ON_RECORD : classify(statement.text, this.context);
    const sent = isOnRecord ? statement : { ...statement, ...built, isChecked: built !== undefined || kind === 'rows' };
    if (kind !== 'rollback') assertOwnCall(this.access.stamp.tenantId);
    const { growth } = this.access;
    if (growth) assertMayAdd(growth, statement.text);
    if (this.batch) return this.batch.add(withPosition(sent), kind === 'rows');
    const scope = this.lease ? undefined : currentReplicaScope();
    if (scope) return this.dispatchRead(scope, sent, kind);
    if (this.readsOnly) assertReads(sent.text, kind);
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
        if (!this.lease) return this.runInTurn(withPosition(sent));
        return this.mapped(this.lease.then((lease) => lease.query(sent, kind === 'rows')));
    }
  }

  /** Where only reads are allowed. A transaction needs one connection for all its statements: it runs on the primary. */
  private dispatchRead(scope: ReplicaScope, sent: Statement, kind: StatementKind): Promise<pg.QueryResult> {
    assertReads(sent.text, kind);
    switch (kind) {
      case 'begin':
        this.readsOnly = true;
        return this.begin({ ...sent, text: readOnlyBegin(sent.text) });
      case 'commit':
      case 'rollback':
        return this.endTransaction(kind);
      case 'set-transaction':
        return this.setTransaction(sent.text);
      case 'rows':
        return this.turns.take(() => this.read(scope, sent)).finally(() => this.turns.end());
      case 'plain':
        return this.turns.take(() => this.readFromPrimary(sent)).finally(() => this.turns.end());
    }
  }

  private read(scope: ReplicaScope, sent: Statement): Promise<pg.QueryResult> {
    const { replicas } = this.access;
    return replicas ? replicas.run(sent, scope) : this.readFromPrimary(sent);
  }

  private async readFromPrimary(sent: Statement): Promise<pg.QueryResult> {
    try {
      return await runStamped(this.access.readOnly, sent);
    } catch (error) {
      throw refusedWrite(error);
    }
  }

  private mapped(result: Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    if (!this.readsOnly) return result;
    return result.catch((error: unknown) => {
      throw refusedWrite(error);
    });
  }

  private runInTurn(statement: Statement): Promise<pg.QueryResult> {
    const { access, turns } = this;
    if (turns.tryTake()) return runStamped(access, statement, turns);
    return turns.take(() => runStamped(access, statement, turns));
  }

  private get context(): StatementContext {
    return { scope: this.lease ? 'transaction' : 'statement', mayExplain: this.access.mayExplain };
  }

  private async begin({ text }: Statement): Promise<pg.QueryResult> {
    if (this.lease) throw new TransactionAlreadyOpenError();
    const opening = this.turns.take(() => this.openLease(text));
    this.lease = opening;
    try {
      await opening;
    } catch (error) {
      if (this.lease === opening) {
        this.lease = undefined;
        this.readsOnly = false;
      }
      this.turns.end();
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
    const opening = this.takeLease();
    if (!opening) return emptyResult(kind.toUpperCase());
    const lease = await opening; // a lease that failed to open has ended its turn
    try {
      return await lease[kind]();
    } finally {
      this.turns.end();
    }
  }

  private submit<S extends pg.Submittable>(submittable: S, callback?: Callback): S {
    if (this.ended) throw new SessionEndedError();
    assertOwnCall(this.access.stamp.tenantId);
    const parts = submittableOf(submittable);
    if (callback) parts.callback ??= callback as NonNullable<typeof parts.callback>;
    const { name } = parts;
    const clash = name === undefined ? undefined : this.unname(parts, name);
    const submission = new Submission(submittable);
    assertStreamable(submission.text, this.context);
    assertMayAdd(this.access.growth, submission.text);
    if (this.readsOnly || currentReplicaScope()) assertReads(submission.text, 'rows');
    if (clash) {
      process.nextTick(() => submission.fail(clash));
      return submittable;
    }
    this.send(submission);
    if (name !== undefined) void submission.ended.then(() => submission.hasFailed && this.names?.forget(name));
    return submittable;
  }

  private send(submission: Submission): void {
    if (this.lease) {
      this.lease.then((lease) => lease.submit(submission)).catch((error: unknown) => submission.fail(error));
      return;
    }
    const { turns } = this;
    const readsOnly = currentReplicaScope() !== undefined;
    void turns.take(() => leaseFor(submission, () => this.openStreamLease(readsOnly))).finally(() => turns.end());
  }

  /** Has a `Query` sent without its name. @returns the error when the name stands for another text */
  private unname(parts: SubmittableInternals, name: string): Error | undefined {
    const names = (this.names ??= new StatementNames());
    parts.name = undefined;
    parts.queryMode = 'extended'; // as with a name
    try {
      parts.text = names.resolve(name, parts.text);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  private async openLease(begin: string): Promise<Lease> {
    const onPosition = this.readsOnly ? undefined : currentPositions()?.onPosition;
    const { connection, stamp, isShared } = await this.openPlace();
    const reopen = (refusal: unknown, since: number): Promise<TransactionPlace> => this.openPlaceAfter(refusal, since);
    return new Lease(connection, stamp, begin, isShared, reopen, onPosition);
  }

  private async openPlace(access = this.access): Promise<TransactionPlace> {
    const connection = await access.acquireForLease();
    return { connection, stamp: access.stamp, isShared: access.pool.target.shared };
  }

  private async openPlaceAfter(refusal: unknown, since: number): Promise<TransactionPlace> {
    return this.openPlace(await this.access.afterRefusal(refusal, since));
  }

  /** For a stream of its own transaction. It may last for as long as its reader makes progress. */
  private async openStreamLease(readsOnly: boolean): Promise<Lease> {
    const place = await this.openPlace();
    place.connection.limitLease('idle');
    const reopen = async (refusal: unknown, since: number): Promise<TransactionPlace> => {
      const next = await this.openPlaceAfter(refusal, since);
      next.connection.limitLease('idle');
      return next;
    };
    const begin = readsOnly ? readOnlyBegin('BEGIN') : 'BEGIN';
    const onPosition = readsOnly ? undefined : currentPositions()?.onPosition;
    return new Lease(place.connection, place.stamp, begin, place.isShared, reopen, onPosition);
  }

  private takeLease(): Promise<Lease> | undefined {
    const lease = this.lease;
    this.lease = undefined;
    this.readsOnly = false;
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

/** @throws TypeError as node-postgres does */
export function isSubmittable(input: QueryInput): input is pg.Submittable {
  if (input === null || input === undefined) throw new TypeError('Client was passed a null or undefined query');
  return typeof (input as Partial<pg.Submittable>).submit === 'function';
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
