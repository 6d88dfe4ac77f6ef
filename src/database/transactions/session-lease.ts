import { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { bindToCaller } from './caller-context.js';
import { pipelineOf } from '../statements/query-pipeline.js';
import { openTransactionReason } from '../statements/readiness.js';
import { refuseWhatOutlivesSession } from '../sql-guard/refused-statements.js';
import { SessionEndedError } from './transaction.errors.js';
import { stampStatement } from '../statements/stamp.js';
import type { TenantAccess } from '../statements/tenant-access.js';

interface SessionEvents {
  notification: [pg.Notification];
  /** The connection died or was revoked; no further notifications will arrive. */
  lost: [Error];
}

/**
 * A connection held for work that needs a session of its own: `SET`, `LISTEN`, session advisory locks, temporary tables,
 * or state that spans several transactions. Emits `notification` for the channels it listens on, and `lost`.
 */
export class SessionLease extends EventEmitter<SessionEvents> {
  private brokenReason: string | undefined;
  private ended = false;
  private tail: Promise<unknown> = Promise.resolve();
  private readonly onNotification = (message: pg.Notification): void => void this.emit('notification', message);
  private readonly onConnectionError = (error: Error): void => {
    this.brokenReason ??= error.message;
    this.emit('lost', error);
  };

  private constructor(private readonly connection: PooledConnection) {
    super();
    connection.client.on('notification', this.onNotification);
    connection.client.on('error', this.onConnectionError);
  }

  /** Opens a session under the tenant's stamp, runs `work` in it, and resets the connection afterwards. */
  static async run<T>(access: TenantAccess, work: (session: SessionLease) => Promise<T>): Promise<T> {
    const connection = await access.acquireForLease();
    const session = bindToCaller(new SessionLease(connection));
    try {
      const { text, values } = stampStatement(access.stamp, 'session');
      await session.send(text, [...values]);
      return await work(session);
    } finally {
      await session.end();
    }
  }

  /**
   * @throws SessionEndedError once the work that this session was opened for has returned
   * @throws SessionStatementRefusedError for the few statements whose effect would outlast the session
   */
  async query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<Row>> {
    if (this.ended) throw new SessionEndedError();
    if (typeof text !== 'string') throw new TypeError('a statement of a session is a string'); // as untyped code may pass it
    refuseWhatOutlivesSession(text);
    const parameters = values && [...values];
    const result = this.tail.then(() => this.send<Row>(text, parameters));
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async send<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<Row>> {
    const { connection } = this;
    if (connection.revoked) throw connection.revoked;
    try {
      return await connection.client.query<Row>(text, values);
    } catch (error) {
      if (connection.revoked) throw connection.revoked;
      this.brokenReason ??= discardReason(error);
      throw error;
    }
  }

  /** Waits for statements that the work did not await, then releases the connection. */
  private async end(): Promise<void> {
    this.ended = true;
    await this.tail;
    if (this.brokenReason === undefined) await this.resetSession();
    this.connection.client.removeListener('notification', this.onNotification);
    this.connection.client.removeListener('error', this.onConnectionError);
    this.removeAllListeners();
    this.connection.release(this.brokenReason ?? openTransactionReason(this.connection.client));
  }

  /** A connection that cannot be reset is closed; the work's own result or error stands. */
  private async resetSession(): Promise<void> {
    const { client } = this.connection;
    try {
      if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK');
      await client.query('DISCARD ALL');
      pipelineOf(client).forgetNames();
    } catch (error) {
      this.brokenReason = error instanceof Error ? error.message : 'its session could not be reset';
    }
  }
}
