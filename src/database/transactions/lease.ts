import pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { ReadWriteClient } from '../connection/read-write-client.js';
import { tracedStatement } from '../statements/database-spans.js';
import { unreadStatementReason, waitUntilReady } from '../statements/readiness.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { neverTookEffect, isReadTimeout, StatementTimeoutError } from '../statements/statement-failure.js';
import { SessionEndedError, TransactionAbortedError, TransactionLostError } from './transaction.errors.js';
import { emptyResult, type Statement } from '../statements/statement.js';
import type { Prelude } from '../statements/pipelined-query.js';
import { type Stamp, stampStatement } from '../statements/stamp.js';
import { HeldConnection } from './held-connection.js';
import type { Submission } from './submission.js';

const IN_FAILED_TRANSACTION = '25P02';
const READ_ONLY = /\bread\s+only\b/i;
const SET_STATEMENT_TIMEOUT = `SELECT pg_catalog.set_config('statement_timeout', $1, true)`;

/** Limits of one transaction; those that are not given are the configuration's. */
export interface LeaseOptions {
  readonly statementTimeoutMs?: number | undefined;
  readonly isUnlimited?: boolean | undefined;
}

/**
 * One connection held by one caller for a transaction. Statements run one at a time in the order of the calls, always
 * over the extended protocol, so that the server rejects a text with two commands.
 *
 * `BEGIN` waits for the first statement, and is sent in front of it together with the stamp: one round trip less, and
 * `SET TRANSACTION`, which must precede every query, still finds a transaction without one.
 */
export class Lease {
  /** Still to be sent; undefined once the transaction has begun. */
  private begin: string | undefined;
  /** Why the connection must not be reused, although the transaction can continue. */
  private tainted: string | undefined;
  private ended = false;
  private lastError: unknown;
  private readonly held: HeldConnection;

  /** @param begin the command that begins the transaction, built from constants */
  constructor(
    connection: PooledConnection,
    private readonly stamp: Stamp,
    begin: string,
  ) {
    this.held = new HeldConnection(connection);
    this.begin = begin;
  }

  /** @throws SessionEndedError, TransactionLostError, the server's error, and the reason for which the connection was revoked */
  query(statement: Statement): Promise<pg.QueryResult> {
    return this.held.inTurn(() => this.send(statement));
  }

  /**
   * Adds the modes to the beginning of a transaction that has not begun.
   *
   * @param command a `SET TRANSACTION` built from constants
   * @throws the errors of `query`
   */
  setTransaction(command: string): Promise<pg.QueryResult> {
    return this.held.inTurn(async () => {
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
    return this.held.inTurn(async () => {
      if (submission.hasEnded) return;
      this.assertUsable();
      if (this.begin !== undefined) await this.send({ ...stampStatement(this.stamp), isChecked: true });
      this.tainted ??= unreadStatementReason({ text: submission.text });
      const { connection, client } = this.held;
      this.held.markBroken(await tracedStatement(client, submission.text, () => submission.run(connection)));
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
    return this.held.inTurn(() => {
      if (this.begin === undefined) return this.send({ text: command, isChecked: true });
      this.assertUsable();
      return Promise.resolve(emptyResult(command));
    });
  }

  private assertUsable(): void {
    if (this.ended) throw new SessionEndedError();
    const { connection, isBroken } = this.held;
    if (connection.revoked) throw connection.revoked;
    if (isBroken) throw new TransactionLostError(this.lastError);
  }

  private async send(statement: Statement): Promise<pg.QueryResult> {
    this.assertUsable();
    const { held } = this;
    const prelude = this.takePrelude();
    if (isMadeReadOnly(prelude, statement)) setReadOnly(held.client, true);
    this.tainted ??= unreadStatementReason(statement);
    try {
      return await held.send(statement, prelude);
    } catch (error) {
      if (held.connection.revoked) throw error;
      if ((error as { code?: unknown }).code !== IN_FAILED_TRANSACTION) this.lastError = error;
      if (!held.isBroken) held.markBroken(await waitUntilReady(held.client));
      if (prelude.begin !== undefined) held.markBroken(notBegunReason(held.client));
      throw codedFailure(statement, error);
    }
  }

  private takePrelude(): Prelude {
    const { begin, stamp } = this;
    if (begin === undefined) return {};
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
