import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { tracedStatement } from '../statements/database-spans.js';
import { openTransaction, untilReady } from '../statements/readiness.js';
import { SessionEndedError, TransactionAbortedError, TransactionLostError } from './transaction.errors.js';
import { emptyResult, type Statement } from '../statements/statement.js';
import { sendAlone } from '../statements/stamped-query.js';
import { isDestroyed, runSubmittable, submittableText } from './submittable.js';
import { currentUsage } from '../statements/usage.js';

const IN_FAILED_TRANSACTION = '25P02';

/**
 * One connection held by one caller for a transaction. Statements run one after another in the order they came,
 * always over the extended protocol, so that a string with two commands is refused by the server.
 */
export class Lease {
  private broken: string | undefined;
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
    return this.inTurn(() => this.send(statement));
  }

  /** Hands a cursor or stream to the connection once earlier statements are done, and resolves when it is through. */
  submit(submittable: pg.Submittable): Promise<void> {
    return this.inTurn(async () => {
      this.assertUsable();
      if (isDestroyed(submittable)) return;
      const { client } = this.connection;
      const run = (): Promise<string | undefined> => runSubmittable(this.connection, submittable);
      this.broken = await tracedStatement(client, submittableText(submittable), run);
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
      this.giveBack();
    }
  }

  /** Rolls back and gives the connection back. A transaction whose connection broke is rolled back by that already. */
  async rollback(): Promise<pg.QueryResult> {
    try {
      return await this.query({ text: 'ROLLBACK' });
    } catch (error) {
      if (this.whyUnusable === undefined) throw error;
      return emptyResult('ROLLBACK');
    } finally {
      this.giveBack();
    }
  }

  /** Commits, or rolls back what has failed already. */
  async settle(): Promise<void> {
    const failed = this.whyUnusable !== undefined || this.connection.client.getTransactionStatus() !== 'T';
    await (failed ? this.rollback() : this.commit());
  }

  /** Gives the connection back as it is. With its transaction still open it is closed, which rolls back. */
  giveBack(): void {
    this.ended = true;
    this.connection.release(this.whyUnusable ?? openTransaction(this.connection.client));
  }

  private get whyUnusable(): string | undefined {
    return this.broken ?? this.connection.revoked?.message;
  }

  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.tail.then(step);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private assertUsable(): void {
    if (this.ended) throw new SessionEndedError();
    if (this.connection.revoked) throw this.connection.revoked;
    if (this.broken !== undefined) throw new TransactionLostError(this.lastError);
  }

  private async send(statement: Statement): Promise<pg.QueryResult> {
    this.assertUsable();
    const usage = currentUsage();
    if (usage) usage.statements += 1;
    const { client } = this.connection;
    try {
      return await tracedStatement(client, statement.text, () => sendAlone(client, undefined, statement));
    } catch (error) {
      if (this.connection.revoked) throw this.connection.revoked;
      if ((error as { code?: unknown }).code !== IN_FAILED_TRANSACTION) this.lastError = error;
      this.broken ??= discardReason(error) ?? (await untilReady(client));
      throw error;
    }
  }
}
