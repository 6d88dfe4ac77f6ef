import { discardReason } from '../connection/connection-failure.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { pipelineOf } from '../statements/query-pipeline.js';
import { readTimeouts } from '../statements/pipeline-monitors.js';
import { StatementTimeoutError } from '../statements/statement-failure.js';
import {
  type ActiveQuery,
  type CommandComplete,
  type DataRow,
  type RowDescription,
  type ClientInternals,
  type PgConnection,
  internalsOf,
  type CursorInternals,
  cursorOf,
  type SubmittableInternals,
} from '../connection/pg-internals.js';
import { TransactionLostError } from './transaction.errors.js';

/**
 * A cursor, stream or `Query` as the active query of its connection. To node-postgres it lasts until it is read to its
 * end, has failed, or was closed by its reader.
 *
 * Each fetch ends in a `Sync` instead of a `Flush`: PostgreSQL counts `statement_timeout` from the first message after a
 * `Sync` until the next one (`start_xact_command` and `disable_statement_timeout` in postgres.c), and would count the
 * reader's own time between two fetches. The portal outlives a `Sync`, because it belongs to an open transaction.
 */
export class RunningSubmittable implements ActiveQuery {
  /** Resolves when it no longer uses the connection, with the reason why this is not fit for further use, if any. */
  readonly finished: Promise<string | undefined>;
  private readonly cursor: CursorInternals | undefined;
  private readonly internals: ClientInternals;
  /** `Sync`s, and a simple query, that the server has not answered yet. */
  private unanswered = 0;
  /** Since when the server has been working on the first of them, in ms. */
  private since = 0;
  private isClosing = false;
  private isOver = false;
  private failure: unknown;
  private unsent: Error | null = null;
  private settle!: (reason: string | undefined) => void;

  constructor(
    private readonly connection: PooledConnection,
    private readonly parts: SubmittableInternals,
  ) {
    this.cursor = cursorOf(parts);
    this.internals = internalsOf(connection.client);
    const { client } = connection;
    const onEnd = (): void => this.settle('its connection was closed');
    client.once('end', onEnd);
    this.finished = new Promise<string | undefined>((resolve) => (this.settle = resolve)).then((reason) => {
      this.isOver = true;
      client.removeListener('end', onEnd);
      this.restoreMessages();
      if (reason !== undefined) this.failPendingRead(reason);
      return reason;
    });
  }

  start(): void {
    const { internals, parts } = this;
    if (parts._result) parts._result._types ??= internals._types;
    this.interceptMessages();
    internals._queryQueue.push(this);
    try {
      internals._pulseQueryQueue();
    } catch (error) {
      this.settle(discardReason(error));
    }
  }

  /** Closes the portal. Reads that came before are answered first. */
  close(close: () => void): void {
    this.isClosing = true;
    if (this.cursor?.state === 'submitted') this.cursor._shiftQueue();
    close();
  }

  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  /** Read by `isServerWorking`: between two fetches the connection is idle. */
  get state(): string {
    return this.unanswered > 0 ? 'busy' : 'idle';
  }

  get readTimeoutMs(): number {
    return pipelineOf(this.connection.client).readTimeoutMs;
  }

  /** How long the server has been working on the current fetch, in ms; undefined while the reader has its turn. */
  busyMs(now: number): number | undefined {
    return this.unanswered > 0 && !this.isOver ? now - this.since : undefined;
  }

  /** The server did not answer in time: it is frozen, or cannot be reached. */
  failAll(error: Error): void {
    this.handleError(new StatementTimeoutError(error));
  }

  submit(connection: PgConnection): Error | null {
    this.unsent = this.parts.submit?.(connection) ?? null;
    if (!this.unsent && this.unanswered === 0) this.expectAnswer(); // a simple query has no `Sync`
    return this.unsent;
  }

  handleRowDescription(message: RowDescription): void {
    this.parts.handleRowDescription?.(message);
  }

  handleDataRow(message: DataRow): void {
    try {
      this.parts.handleDataRow?.(message);
    } catch (error) {
      this.fail(error, error); // a cursor does not catch what its type parser throws; the server keeps sending
    }
  }

  handleCommandComplete(message: CommandComplete, connection: PgConnection): void {
    this.parts.handleCommandComplete?.(message, connection);
  }

  handlePortalSuspended(connection: PgConnection): void {
    this.parts.handlePortalSuspended?.(connection);
  }

  handleEmptyQuery(connection: PgConnection): void {
    this.isClosing = true;
    this.parts.handleEmptyQuery?.(connection);
  }

  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFail('COPY FROM STDIN is not supported');
  }

  handleCopyData(): void {
    // `COPY TO STDOUT` is refused before it is sent
  }

  handleReadyForQuery(connection: PgConnection): void {
    this.unanswered -= 1;
    this.since = performance.now();
    if (this.unanswered > 0 || !this.isComplete) return this.stayActive();
    if (this.failure === undefined) this.deliver(() => this.parts.handleReadyForQuery?.(connection));
    this.settle(undefined);
  }

  handleError(error: unknown): void {
    this.fail(error, this.connection.revoked ?? this.toReader(error));
  }

  private get isComplete(): boolean {
    if (!this.cursor || this.isClosing || this.failure !== undefined) return true;
    return this.cursor.state === 'done' || this.cursor.state === 'error';
  }

  private fail(error: unknown, reported: unknown): void {
    this.failure ??= error;
    const { parts, internals } = this;
    deliverError(parts, reported, (given) => this.deliver(() => parts.handleError?.(given, internals.connection)));
    const reason = discardReason(error);
    if (error === this.unsent) this.settle(undefined);
    else if (reason !== undefined) this.settle(reason);
    else internals._activeQuery = this; // node-postgres considers it finished; the response ends with `ReadyForQuery`
  }

  /** The error of a lost connection has no code. */
  private toReader(error: unknown): unknown {
    const isCoded = error === this.unsent || typeof (error as { code?: unknown }).code === 'string';
    return isCoded ? error : new TransactionLostError(error);
  }

  /** Nothing may escape from a socket's event, where it would be uncaught. */
  private deliver(work: () => void): void {
    try {
      work();
    } catch (error) {
      warnOf(error);
    }
  }

  private stayActive(): void {
    this.internals._activeQuery = this;
    this.internals.readyForQuery = false;
  }

  /** The connection is this query's alone. Its own `sync` and `flush` come back with `restoreMessages`. */
  private interceptMessages(): void {
    const { connection } = this.internals;
    const sync = (): void => {
      this.expectAnswer();
      Object.getPrototypeOf(connection).sync.call(connection);
    };
    Object.assign(connection, { sync, flush: sync });
  }

  private restoreMessages(): void {
    const { connection } = this.internals as { connection: Partial<PgConnection> };
    delete connection.sync;
    delete connection.flush;
  }

  private expectAnswer(): void {
    if (this.unanswered === 0) this.since = performance.now();
    this.unanswered += 1;
    readTimeouts.watch(this);
  }

  /**
   * After the last row pg-cursor ignores errors and waits for the server to be ready: if the connection dies in between, a
   * pending `read` would never settle.
   */
  private failPendingRead(reason: string): void {
    const { parts, cursor } = this;
    const error = this.connection.revoked ?? this.toReader(this.failure ?? new Error(reason));
    // A stream without an error listener is destroyed without the error, which would otherwise end the process.
    if (parts.destroy) return parts.destroy(parts.listenerCount?.('error') ? error : undefined);
    const pendingRead = cursor?._cb;
    if (cursor) cursor._cb = null;
    pendingRead?.(error as Error);
  }
}

/**
 * Gives an error to the callback or listener that waits for it. A `Query` and a stream emit `error` without asking whether
 * anything listens, which would end the process for all tenants.
 */
export function deliverError(parts: SubmittableInternals, error: unknown, deliver: (error: unknown) => void): void {
  const isBareCursor = 'close' in parts;
  if (isBareCursor || parts.callback || (parts.listenerCount?.('error') ?? 1) > 0) return deliver(error);
  warnOf(error);
  parts.destroy?.(undefined);
}

/** Reports an error that no callback or listener receives. */
export function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
