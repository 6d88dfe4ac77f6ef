import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { tracedStatement } from '../statements/database-spans.js';
import { openTransactionReason, waitUntilReady } from '../statements/readiness.js';
import { SessionEndedError, TransactionAbortedError, TransactionLostError } from './transaction.errors.js';
import { emptyResult, type Statement } from '../statements/statement.js';
import { sendOnClient } from '../statements/stamped-query.js';
import { isDestroyed, runSubmittable, submittableText } from './submittable.js';
import { currentUsage } from '../statements/usage.js';

const IN_FAILED_TRANSACTION = '25P02';

/**
 * One connection held by one caller for a transaction. Statements run one at a time in the order of the calls, always
 * over the extended protocol, so that the server rejects a text with two commands.
 */
export class Lease {
  private brokenReason: string | undefined;
  private ended = false;
  private lastError: unknown;
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(private readonly connection: PooledConnection) {}

  /** Begins a transaction and stamps it in one round trip. A connection on which that fails is discarded. */
  static async begin(connection: PooledConnection, commands: string): Promise<Lease> {
    try {
      await tracedStatement(connection.client, 'BEGIN', () => connection.client.query(commands));
      return new Lease(connection);
    } catch (error) {
      connection.release('its transaction could not be started');
      throw connection.revoked ?? error;
    }
  }

  /** @throws SessionEndedError, TransactionLostError, the server's error, and the reason for which the connection was revoked */
  query(statement: Statement): Promise<pg.QueryResult> {
    return this.enqueue(() => this.send(statement));
  }

  /** Submits a cursor or stream to the connection after the earlier statements, and resolves when it is done. */
  submit(submittable: pg.Submittable): Promise<void> {
    return this.enqueue(async () => {
      this.assertUsable();
      if (isDestroyed(submittable)) return;
      const { client } = this.connection;
      const run = (): Promise<string | undefined> => runSubmittable(this.connection, submittable);
      this.brokenReason = await tracedStatement(client, submittableText(submittable), run);
    });
  }

  /**
   * Commits and releases the connection, whatever the outcome.
   *
   * @throws TransactionAbortedError when PostgreSQL answers `COMMIT` with a successful `ROLLBACK`
   */
  async commit(): Promise<pg.QueryResult> {
    try {
      const result = await this.query({ text: 'COMMIT' });
      if (result.command === 'ROLLBACK') throw new TransactionAbortedError(this.lastError);
      return result;
    } finally {
      this.release();
    }
  }

  /** Rolls back and releases the connection. If the connection broke, the server has rolled back already. */
  async rollback(): Promise<pg.QueryResult> {
    try {
      return await this.query({ text: 'ROLLBACK' });
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
    this.ended = true;
    this.connection.release(this.unusableReason ?? openTransactionReason(this.connection.client));
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
    try {
      return await tracedStatement(client, statement.text, () => sendOnClient(client, undefined, statement));
    } catch (error) {
      if (this.connection.revoked) throw this.connection.revoked;
      if ((error as { code?: unknown }).code !== IN_FAILED_TRANSACTION) this.lastError = error;
      this.brokenReason ??= discardReason(error) ?? (await waitUntilReady(client));
      throw error;
    }
  }
}
