import pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../pool/discard.js';
import type { Statement } from './statement.js';

/**
 * One connection held by one caller for a transaction. Statements run one after another in the order they came,
 * always over the extended protocol, so that a string with two commands is refused by the server.
 */
export class Lease {
  private broken: string | undefined;
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(private readonly connection: PooledConnection) {}

  /** Opens a transaction with everything it needs in one flight. A connection on which that failed is not kept. */
  static async begin(connection: PooledConnection, commands: string): Promise<Lease> {
    try {
      await connection.client.query(commands);
      return new Lease(connection);
    } catch (error) {
      connection.release('its transaction could not be begun');
      throw error;
    }
  }

  query(statement: Statement): Promise<pg.QueryResult> {
    const result = this.tail.then(() => this.send(statement));
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Hands a cursor or stream to the connection once earlier statements are done. */
  submit(submittable: pg.Submittable): void {
    this.tail = this.tail.then(() => void this.connection.client.query(submittable));
  }

  /** Ends the transaction with COMMIT or ROLLBACK and gives the connection back, whatever comes of it. */
  async end(statement: Statement): Promise<pg.QueryResult> {
    try {
      return await this.query(statement);
    } finally {
      this.giveBack();
    }
  }

  /** Gives the connection back as it is. With its transaction still open it is closed, which rolls back. */
  giveBack(): void {
    const open = this.connection.client.getTransactionStatus() !== 'I';
    this.connection.release(this.broken ?? (open ? 'its transaction was left open' : undefined));
  }

  private async send({ text, values }: Statement): Promise<pg.QueryResult> {
    const config: pg.QueryConfig & { queryMode: 'extended' } = {
      text,
      values: values ? [...values] : [],
      queryMode: 'extended',
    };
    try {
      return await this.connection.client.query(config);
    } catch (error) {
      this.broken ??= discardReason(error);
      throw error;
    }
  }
}
