import type pg from 'pg';
import { discardReason } from '../connection/connection-failure.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { tracedStatement } from '../statements/database-spans.js';
import { sendOnClient } from '../statements/client-flights.js';
import type { Prelude } from '../statements/flight.js';
import { pipelineOf, type SendOptions } from '../statements/query-pipeline.js';
import { openTransactionReason } from '../statements/readiness.js';
import type { Statement } from '../statements/statement.js';
import { countRows, currentUsage } from '../statements/usage.js';

const RELEASED = 'the connection was released';

/**
 * A connection that one caller holds for several statements. They run in the order of the calls: one that takes a turn waits
 * for all before it; others are sent at once, behind those that are under way.
 */
export class HeldConnection {
  private brokenReason: string | undefined;
  private pending = 0;
  /** Settles with the last step that took a turn. */
  private turn: Promise<unknown> = Promise.resolve();
  /** Settles with all steps so far. */
  private tail: Promise<unknown> = Promise.resolve();

  constructor(private held: PooledConnection) {}

  get connection(): PooledConnection {
    return this.held;
  }

  /** Goes on with another connection, after the former one was released. */
  replace(connection: PooledConnection): void {
    this.held = connection;
    this.brokenReason = undefined;
  }

  get client(): pg.ClientBase {
    return this.connection.client;
  }

  /** Whether no statement was sent or waits for its turn. */
  get isIdle(): boolean {
    return this.pending === 0;
  }

  /** Resolves once all statements requested so far have ended. */
  get settled(): Promise<unknown> {
    return this.tail;
  }

  /** Whether the connection broke, other than by revocation. */
  get isBroken(): boolean {
    return this.brokenReason !== undefined;
  }

  /** Why no further statement can be sent; undefined while one can. */
  get unusableReason(): string | undefined {
    return this.brokenReason ?? this.connection.revoked?.message;
  }

  /** The first reason stands; undefined is none. */
  markBroken(reason: string | undefined): void {
    this.brokenReason ??= reason;
  }

  /** Runs a step after all earlier ones, whether or not those failed. */
  inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.pending += 1;
    const result = this.tail.then(step).finally(() => (this.pending -= 1));
    this.turn = this.tail = result.catch(() => undefined);
    return result;
  }

  /** Runs a step after the last turn, side by side with other steps. */
  sideBySide<T>(step: () => Promise<T>): Promise<T> {
    this.pending += 1;
    const result = this.turn.then(step).finally(() => (this.pending -= 1));
    const former = this.tail;
    this.tail = result.then(
      () => former,
      () => former,
    );
    return result;
  }

  /**
   * Sends a statement at once. An error after which the connection is not fit for further use marks it as broken.
   *
   * @throws the server's error, that of the connection, or the reason for which it was revoked
   */
  send(statement: Statement, prelude: Prelude = {}, options?: SendOptions): Promise<pg.QueryResult> {
    return this.observe(statement, () => sendOnClient(this.client, prelude, statement, options));
  }

  /** Counts and traces a statement, and marks the connection as broken when it must not be used after its error. */
  async observe(statement: Statement, send: () => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    const { client } = this;
    const usage = currentUsage();
    const sentAt = usage && performance.now();
    if (usage) usage.statements += 1;
    try {
      const result = await tracedStatement(client, statement.text, send);
      if (usage) countRows(usage, result);
      if (statement.statementTimeoutMs !== undefined) pipelineOf(client).allowStatements(statement.statementTimeoutMs);
      return result;
    } catch (error) {
      if (this.connection.revoked) throw this.connection.revoked;
      this.markBroken(discardReason(error));
      throw error;
    } finally {
      if (usage && sentAt !== undefined) usage.databaseMs += performance.now() - sentAt;
    }
  }

  /** Returns the connection to its pool; it is closed when it is broken, in a transaction, or for the reason given. */
  release(discardReason?: string): void {
    if (this.brokenReason === RELEASED) return;
    pipelineOf(this.client).allowStatements(undefined);
    this.connection.release(this.unusableReason ?? discardReason ?? openTransactionReason(this.client));
    this.brokenReason = RELEASED;
  }
}
