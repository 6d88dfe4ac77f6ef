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
 * One connection held by one caller for a transaction. Statements run one after another in the order they came,
 * always over the extended protocol, so that a string with two commands is refused by the server.
 */
export class Lease {
  private brokenReason: string | undefined;
  private ended = false;
  private lastError: unknown;
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(private readonly connection: PooledConnection) {}

  /** Opens a transaction with everything it needs in one flight. A connection on which that failed is not kept. */
  static async begin(connection: PooledConnection, commands: string): Promise<Lease> {
    try {
      await tracedStatement(connection.client, 'BEGIN', () => connection.client.query(commands));
      return new Lease(connection);
    } catch (error) {
      connection.release('its transaction could not be begun');
      throw connection.revoked ?? error;
    }
  }

  /** @throws SessionEndedError, TransactionLostError, what the server says about the statement, and why the connection was taken away */
  query(statement: Statement): Promise<pg.QueryResult> {
    return this.enqueue(() => this.send(statement));
  }

  /** Hands a cursor or stream to the connection once earlier statements are done, and resolves when it is through. */
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
   * Commits and gives the connection back, whatever comes of it.
   *
   * @throws TransactionAbortedError where PostgreSQL answers `COMMIT` with `ROLLBACK` and calls that a success
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

  /** Rolls back and gives the connection back. A transaction whose connection broke is rolled back by that already. */
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

  /** Commits, or rolls back what has failed already. */
  async commitOrRollback(): Promise<void> {
    const failed = this.unusableReason !== undefined || this.connection.client.getTransactionStatus() !== 'T';
    await (failed ? this.rollback() : this.commit());
  }

  /** Gives the connection back as it is. With its transaction still open it is closed, which rolls back. */
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
