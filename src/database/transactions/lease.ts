import pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/connection-failure.js';
import { ReadWriteClient } from '../connection/read-write-client.js';
import { tracedStatement } from '../statements/database-spans.js';
import { openTransactionReason, unreadStatementReason, waitUntilReady } from '../statements/readiness.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { neverTookEffect, isReadTimeout, StatementTimeoutError } from '../statements/statement-failure.js';
import { SessionEndedError, TransactionAbortedError, TransactionLostError } from './transaction.errors.js';
import { emptyResult, type Statement } from '../statements/statement.js';
import type { Prelude } from '../statements/pipelined-query.js';
import { type Stamp, stampStatement } from '../statements/stamp.js';
import { pipelineOf } from '../statements/query-pipeline.js';
import { sendOnClient } from '../statements/stamped-query.js';
import type { Submission } from './submission.js';
import { currentUsage } from '../statements/tenant-access.js';

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
  private brokenReason: string | undefined;
  /** Why the connection must not be reused, although the transaction can continue. */
  private tainted: string | undefined;
  private ended = false;
  private lastError: unknown;
  private tail: Promise<unknown> = Promise.resolve();

  /** @param begin the command that begins the transaction, built from constants */
  constructor(
    private readonly connection: PooledConnection,
    private readonly stamp: Stamp,
    begin: string,
  ) {
    this.begin = begin;
  }

  /** @throws SessionEndedError, TransactionLostError, the server's error, and the reason for which the connection was revoked */
  query(statement: Statement): Promise<pg.QueryResult> {
    return this.enqueue(() => this.send(statement));
  }

  /**
   * Adds the modes to the beginning of a transaction that has not begun.
   *
   * @param command a `SET TRANSACTION` built from constants
   * @throws the errors of `query`
   */
  setTransaction(command: string): Promise<pg.QueryResult> {
    return this.enqueue(async () => {
      this.assertUsable();
      if (this.begin === undefined) return this.send({ text: command, isChecked: true });
      const modes = command.slice('SET TRANSACTION '.length);
      this.begin += this.begin === 'BEGIN' ? ` ${modes}` : `, ${modes}`;
      return emptyResult('SET');
    });
  }

  /** Replaces the limits that the configuration sets for transactions. */
  async limit({ statementTimeoutMs, isUnlimited }: LeaseOptions): Promise<void> {
    if (isUnlimited) this.connection.limitLease('none');
    if (statementTimeoutMs === undefined) return;
    const values = [`${statementTimeoutMs}ms`];
    await this.query({ text: SET_STATEMENT_TIMEOUT, values, statementTimeoutMs, isChecked: true });
  }

  /** Sends a cursor, stream or `Query` after the earlier statements, and resolves when it is done. */
  submit(submission: Submission): Promise<void> {
    return this.enqueue(async () => {
      if (submission.hasEnded) return;
      this.assertUsable();
      if (this.begin !== undefined) await this.send({ ...stampStatement(this.stamp), isChecked: true });
      this.tainted ??= unreadStatementReason({ text: submission.text });
      const { connection } = this;
      this.brokenReason ??= await tracedStatement(connection.client, submission.text, () => submission.run(connection));
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
      if (this.unusableReason === undefined) throw error;
      return emptyResult('ROLLBACK');
    } finally {
      this.release();
    }
  }

  /** Commits, or rolls back when the transaction has failed already. */
  async commitOrRollback(): Promise<void> {
    const failed = this.unusableReason !== undefined || this.connection.client.getTransactionStatus() !== 'T';
    await (failed ? this.rollback() : this.commit());
  }

  /** Releases the connection as it is. If its transaction is still open it is closed, which rolls back. */
  release(): void {
    if (this.ended) return;
    this.ended = true;
    pipelineOf(this.connection.client).allowStatements(undefined);
    setReadOnly(this.connection.client, false);
    this.connection.release(this.unusableReason ?? this.tainted ?? openTransactionReason(this.connection.client));
  }

  /** A transaction that never began has nothing to end on the server. */
  private finish(command: 'COMMIT' | 'ROLLBACK'): Promise<pg.QueryResult> {
    return this.enqueue(() => {
      if (this.begin === undefined) return this.send({ text: command, isChecked: true });
      this.assertUsable();
      return Promise.resolve(emptyResult(command));
    });
  }

  private get unusableReason(): string | undefined {
    return this.brokenReason ?? this.connection.revoked?.message;
  }

  private enqueue<T>(step: () => Promise<T>): Promise<T> {
    const result = this.tail.then(step);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private assertUsable(): void {
    if (this.ended) throw new SessionEndedError();
    if (this.connection.revoked) throw this.connection.revoked;
    if (this.brokenReason !== undefined) throw new TransactionLostError(this.lastError);
  }

  private async send(statement: Statement): Promise<pg.QueryResult> {
    this.assertUsable();
    const usage = currentUsage();
    if (usage) usage.statements += 1;
    const { client } = this.connection;
    const prelude = this.takePrelude();
    if (isMadeReadOnly(prelude, statement)) setReadOnly(client, true);
    this.tainted ??= unreadStatementReason(statement);
    try {
      const result = await tracedStatement(client, statement.text, () => sendOnClient(client, prelude, statement));
      if (statement.statementTimeoutMs !== undefined) pipelineOf(client).allowStatements(statement.statementTimeoutMs);
      return result;
    } catch (error) {
      if (this.connection.revoked) throw this.connection.revoked;
      if ((error as { code?: unknown }).code !== IN_FAILED_TRANSACTION) this.lastError = error;
      this.brokenReason ??= discardReason(error) ?? (await waitUntilReady(client));
      if (prelude.begin !== undefined) this.brokenReason ??= notBegunReason(client);
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
