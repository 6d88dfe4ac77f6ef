import pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { isEntryRefused } from '../gates/closed-gate.js';
import { ReadWriteClient } from '../connection/read-write-client.js';
import { tracedStatement } from '../statements/database-spans.js';
import { unreadStatementReason } from '../statements/readiness.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { neverTookEffect, isReadTimeout, StatementTimeoutError } from '../statements/statement-failure.js';
import { SessionEndedError, TransactionAbortedError, TransactionLostError } from './transaction.errors.js';
import { emptyResult, type OnPosition, type Statement } from '../statements/statement.js';
import { sendTogether } from '../statements/client-flights.js';
import type { Prelude } from '../statements/flight.js';
import type { SendOptions } from '../statements/query-pipeline.js';
import type { Stamp } from '../statements/stamps/stamp.js';
import { currentUsage } from '../statements/usage.js';
import { HeldConnection } from './held-connection.js';
import type { Submission } from './submission.js';
import { TransactionOpening } from './transaction-opening.js';

const IN_FAILED_TRANSACTION = '25P02';
const READ_ONLY = /\bread\s+only\b/i;
const NOTHING: Statement = { text: 'SELECT', isChecked: true };
const ROLLBACK: Statement = { text: 'ROLLBACK', isChecked: true };
const SET_STATEMENT_TIMEOUT = `SELECT pg_catalog.set_config('statement_timeout', $1, true)`;

/** Limits of one transaction; those that are not given are the configuration's. */
export interface LeaseOptions {
  readonly statementTimeoutMs?: number | undefined;
  readonly isUnlimited?: boolean | undefined;
}

/** Where a transaction begins. */
export interface TransactionPlace {
  readonly connection: PooledConnection;
  readonly stamp: Stamp;
  readonly isShared: boolean;
}

/**
 * One connection held by one caller for a transaction. Statements run in the order of the calls, always over the extended
 * protocol, so that the server rejects a text with two commands. One that is called for while others are under way is sent
 * behind them without waiting for their results.
 *
 * `BEGIN` waits for the first statement, and is sent in front of it together with the stamp: one round trip less, and
 * `SET TRANSACTION`, which must precede every query, still finds a transaction without one.
 */
export class Lease {
  /** Still to be sent; undefined once the transaction has begun. */
  private begin: string | undefined;
  /** The statements that are to go out with `begin`. */
  private opening: TransactionOpening | undefined;
  /** Why the connection must not be reused, although the transaction can continue. */
  private tainted: string | undefined;
  private ended = false;
  private lastError: unknown;
  private readonly held: HeldConnection;

  /** @param begin the command that begins the transaction, built from constants */
  constructor(
    connection: PooledConnection,
    private stamp: Stamp,
    begin: string,
    /** Whether other tenants use the connection at other times. */
    private isShared = true,
    /** Finds the tenant's rows again once they have moved. Default: the transaction fails. */
    private readonly relocate?: (refusal: unknown, since: number) => Promise<TransactionPlace>,
    /** Receives the position of the log after a commit. */
    private readonly onPosition?: OnPosition,
  ) {
    this.held = new HeldConnection(connection);
    this.begin = begin;
  }

  /**
   * @param isOnRows false for a command, which may depend on what became of the statements before it
   * @throws SessionEndedError, TransactionLostError, the server's error, and the reason for which the connection was revoked
   */
  query(statement: Statement, isOnRows = false): Promise<pg.QueryResult> {
    if (this.begin === undefined) return this.held.sideBySide(() => this.send(statement));
    if (!isOnRows) this.opening?.close();
    if (this.opening?.isOpen) return this.sendWith(this.opening, statement);
    if (this.opening) return this.held.sideBySide(() => this.send(statement));
    const opening = (this.opening = new TransactionOpening());
    const result = this.sendWith(opening, statement);
    void this.held.inTurn(() => this.sendOpening(opening));
    if (!isOnRows) opening.close();
    return result;
  }

  /**
   * Adds the modes to the beginning of a transaction that has not begun.
   *
   * @param command a `SET TRANSACTION` built from constants
   * @throws the errors of `query`
   */
  setTransaction(command: string): Promise<pg.QueryResult> {
    return this.inTurn(async () => {
      this.assertUsable();
      if (this.begin === undefined) return this.send({ text: command, isChecked: true });
      const modes = command.slice('SET TRANSACTION '.length);
      this.begin += this.begin === 'BEGIN' ? ` ${modes}` : `, ${modes}`;
      return emptyResult('SET');
    });
  }

  /** Replaces the limits that the configuration sets for transactions. */
  async limit({ statementTimeoutMs, isUnlimited }: LeaseOptions): Promise<void> {
    if (isUnlimited) this.held.connection.limitLease('none');
    if (statementTimeoutMs === undefined) return;
    const values = [`${statementTimeoutMs}ms`];
    await this.query({ text: SET_STATEMENT_TIMEOUT, values, statementTimeoutMs, isChecked: true });
  }

  /** Sends a cursor, stream or `Query` after the earlier statements, and resolves when it is done. */
  submit(submission: Submission): Promise<void> {
    return this.inTurn(async () => {
      if (submission.hasEnded) return;
      this.assertUsable();
      if (this.begin !== undefined) await this.send(NOTHING); // its prelude has the stamp of where the tenant is by then
      this.tainted ??= unreadStatementReason({ text: submission.text });
      const { connection, client } = this.held;
      const usage = currentUsage();
      const sentAt = performance.now();
      this.held.markBroken(await tracedStatement(client, submission.text, () => submission.run(connection)));
      if (usage) usage.databaseMs += performance.now() - sentAt;
    });
  }

  /**
   * Commits and releases the connection, whatever the outcome.
   *
   * @throws TransactionAbortedError when PostgreSQL answers `COMMIT` with a successful `ROLLBACK`
   */
  async commit(): Promise<pg.QueryResult> {
    try {
      const result = await this.finish('COMMIT');
      if (result.command === 'ROLLBACK') throw new TransactionAbortedError(this.lastError);
      return result;
    } finally {
      this.release();
    }
  }

  /** Rolls back and releases the connection. If the connection broke, the server has rolled back already. */
  async rollback(): Promise<pg.QueryResult> {
    try {
      return await this.finish('ROLLBACK');
    } catch (error) {
      if (this.held.unusableReason === undefined) throw error;
      return emptyResult('ROLLBACK');
    } finally {
      this.release();
    }
  }

  /** Commits, or rolls back when the transaction has failed already. */
  async commitOrRollback(): Promise<void> {
    const failed = this.held.unusableReason !== undefined || this.held.client.getTransactionStatus() !== 'T';
    await (failed ? this.rollback() : this.commit());
  }

  /** Releases the connection as it is. If its transaction is still open it is closed, which rolls back. */
  release(): void {
    if (this.ended) return;
    this.ended = true;
    setReadOnly(this.held.client, false);
    this.held.release(this.tainted);
  }

  /** A transaction that never began has nothing to end on the server. */
  private finish(command: 'COMMIT' | 'ROLLBACK'): Promise<pg.QueryResult> {
    return this.inTurn(() => {
      const onPosition = command === 'COMMIT' ? this.onPosition : undefined;
      if (this.begin === undefined) return this.send({ text: command, isChecked: true, onPosition });
      this.assertUsable();
      return Promise.resolve(emptyResult(command));
    });
  }

  /** What is called for later does not overtake it. */
  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.opening?.close();
    return this.held.inTurn(step);
  }

  private assertUsable(): void {
    if (this.ended) throw new SessionEndedError();
    const { connection, isBroken } = this.held;
    if (connection.revoked) throw connection.revoked;
    if (isBroken) throw new TransactionLostError(this.lastError);
  }

  private async send(statement: Statement): Promise<pg.QueryResult> {
    this.assertUsable();
    if (this.hasGateAhead) await this.passGate();
    const prelude = this.takePrelude();
    this.noteSent(prelude, statement);
    try {
      return await this.held.send(statement, prelude, this.sendOptions);
    } catch (error) {
      throw this.failureOf(statement, error, prelude.begin !== undefined);
    }
  }

  private async sendWith(opening: TransactionOpening, statement: Statement): Promise<pg.QueryResult> {
    try {
      return await this.held.observe(statement, () => opening.add(statement));
    } catch (error) {
      throw this.failureOf(statement, error, true);
    }
  }

  /** Never rejects: the errors go to the statements. */
  private async sendOpening(opening: TransactionOpening): Promise<void> {
    await opening.closed;
    const { statements, outcomes } = opening;
    try {
      this.assertUsable();
      if (this.hasGateAhead) await this.passGate();
      const prelude = this.takePrelude();
      for (const statement of statements) this.noteSent(prelude, statement);
      await sendTogether(this.held.client, prelude, statements, outcomes, { ...this.sendOptions, coalesce: false });
      if (prelude.begin !== undefined) this.held.markBroken(notBegunReason(this.held.client));
    } catch (error) {
      for (const outcome of outcomes) outcome.fail(error);
    }
  }

  /** Whether the transaction has not begun, and its tenant moves. */
  private get hasGateAhead(): boolean {
    return this.begin !== undefined && this.stamp.gate !== undefined;
  }

  /**
   * Begins the transaction of a tenant that moves before its first statement is sent, where the tenant's rows are now: nothing
   * has been read or written until the gate has let it in, so that it can begin elsewhere.
   */
  private async passGate(): Promise<void> {
    const begin = this.begin ?? 'BEGIN';
    const since = performance.now();
    while (this.hasGateAhead) {
      const prelude = this.takePrelude();
      if (READ_ONLY.test(begin)) setReadOnly(this.held.client, true);
      try {
        await this.held.send(NOTHING, prelude, this.sendOptions);
        return;
      } catch (error) {
        if (!this.relocate || !isEntryRefused(error)) throw this.failureOf(NOTHING, error, true);
        await this.beginElsewhere(begin, error, since);
      }
    }
  }

  private async beginElsewhere(begin: string, refusal: unknown, since: number): Promise<void> {
    await this.held.send(ROLLBACK, { stamp: this.stamp, isStamped: true }, this.sendOptions);
    setReadOnly(this.held.client, false);
    this.held.release(); // the wait for the end of the move may be long
    const place = await this.relocate!(refusal, since);
    this.held.replace(place.connection);
    this.stamp = place.stamp;
    this.isShared = place.isShared;
    this.begin = begin;
  }

  private get sendOptions(): SendOptions {
    return { named: this.held.connection.keepsPreparedStatements, shared: this.isShared, coalesce: true };
  }

  private noteSent(prelude: Prelude, statement: Statement): void {
    if (isMadeReadOnly(prelude, statement)) setReadOnly(this.held.client, true);
    this.tainted ??= unreadStatementReason(statement);
  }

  private failureOf(statement: Statement, error: unknown, isFirst: boolean): unknown {
    const { held } = this;
    if (held.connection.revoked) return error;
    if ((error as { code?: unknown }).code !== IN_FAILED_TRANSACTION) this.lastError = error;
    if (isFirst) held.markBroken(notBegunReason(held.client));
    return codedFailure(statement, error);
  }

  private takePrelude(): Prelude {
    const { begin, stamp } = this;
    if (begin === undefined) return { stamp, isStamped: true };
    this.begin = undefined;
    return { begin, stamp };
  }
}

/**
 * Leases a connection for a submission that runs outside a transaction, and releases it when it is done. Never rejects:
 * errors go to the submission itself.
 */
export async function leaseFor(submission: Submission, open: () => Promise<Lease>): Promise<void> {
  if (submission.hasEnded) return;
  try {
    const lease = await open();
    try {
      await lease.submit(submission);
    } finally {
      await lease.commitOrRollback().catch((error: unknown) => submission.reportLate(error));
    }
  } catch (error) {
    submission.fail(error);
  }
}

/** Whether the caller has made the transaction read-only, so that a refused write says nothing about the server. */
function isMadeReadOnly({ begin = '' }: Prelude, { text, values = [] }: Statement): boolean {
  return (
    READ_ONLY.test(begin) || (/^\s*SET\s/i.test(text) && READ_ONLY.test(text)) || values[0] === 'transaction_read_only'
  );
}

function setReadOnly(client: pg.ClientBase, isReadOnly: boolean): void {
  if (client instanceof ReadWriteClient) client.isReadOnlyTransaction = isReadOnly;
}

/** The errors of a connection have no code of their own. A `COMMIT` that was sent may have arrived. */
function codedFailure({ text }: Statement, error: unknown): unknown {
  if (isReadTimeout(error)) return new StatementTimeoutError(error);
  if (error instanceof pg.DatabaseError || !isLostConnection(error)) return error;
  return text !== 'COMMIT' || neverTookEffect(error, false) ? new TransactionLostError(error) : error;
}

/** After a first statement that failed: without a transaction, the next one would run on its own. */
function notBegunReason(client: pg.ClientBase): string | undefined {
  return client.getTransactionStatus() === 'I' ? 'its transaction could not be started' : undefined;
}
