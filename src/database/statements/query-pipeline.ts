import pg from 'pg';
import { requestCancel } from '../connection/cancel-request.js';
import { type RoundTrip, roundTripTo } from '../connection/round-trip.js';
import { ResultLimit, type ResultTooLargeError } from '../connection/result-limit.js';
import { READ_TIMEOUT_MARGIN_MS } from '../connection/client-config.js';
import { PreparedStatements } from './prepared-statements.js';
import type { PipelinedQuery } from './pipelined-query.js';
import { readTimeouts, stalls } from './pipeline-monitors.js';
import {
  type ActiveQuery,
  type CommandComplete,
  type DataRow,
  type RowDescription,
  type ClientInternals,
  type PgConnection,
  protocol,
  internalsOf,
} from '../connection/pg-internals.js';
import { runWithoutContext } from '../../platform/run-without-context.js';

/** The first queries of a connection fill its backend's caches, so their durations are not representative. */
const COLD_QUERIES = 3;
/**
 * A query that takes this long, far longer than a quick one, holds up those behind it. Not less: a server that is merely
 * overloaded must not receive their statements twice.
 */
const STALLED_MS = 100;

/** How to send a query on a connection. */
export interface SendOptions {
  /** Whether to use prepared statements. */
  readonly named: boolean;
  /** Whether several tenants use the connection. */
  readonly shared: boolean;
  /** Whether the messages may wait until the end of this turn of the event loop, to be written together with others. */
  readonly coalesce: boolean;
}

/**
 * The pipelined queries in progress on one connection, in the order in which the server answers them. To node-postgres
 * they are a single query, which lasts until the pipeline is empty.
 *
 * An error fails one query, because each has its own `Sync`; the loss of the connection fails them all.
 */
export class QueryPipeline implements ActiveQuery {
  /** The earliest time at which the server can have started the first query, in ms. */
  private headSince = 0;
  private readonly queries: PipelinedQuery[] = [];
  private readonly internals: ClientInternals;
  private readonly limit: ResultLimit | undefined;
  private names = new PreparedStatements();
  private outgoing: Buffer[] = [];
  private isBroken = false;
  private completedCount = 0;
  private readonly roundTrip: RoundTrip;
  /** When a `Sync` was sent whose reply measures the round trip; undefined when none is under way. */
  private probedAt: number | undefined;
  private allowedMs: number | undefined;
  /** Whether it is checked for a stall regularly, which it is for as long as queries wait behind another one. */
  private isWatched = false;
  /** A cancel request was sent. Its arrival time is unknown, so it may be the cause of any later `query_canceled` error. */
  private cancelRequested = false;

  constructor(private readonly client: pg.ClientBase) {
    this.internals = internalsOf(client);
    this.limit = ResultLimit.of(client);
    this.roundTrip = roundTripTo(client as pg.Client);
  }

  send(query: PipelinedQuery, options: SendOptions): void {
    const unusable = this.unusableError();
    if (unusable) return process.nextTick(() => query.fail(unusable));
    const now = performance.now();
    try {
      const named = options.named && query.stamp?.statementTimeoutMs === undefined;
      const messages = query.messages(this.internals, named ? this.names : undefined, options.shared);
      if (named && this.queries.length === 0) this.measureRoundTrip(now);
      this.outgoing.push(...messages);
    } catch (error) {
      query.isUnsendable = true;
      return process.nextTick(() => query.fail(error));
    }
    query.sentAt = now;
    this.queries.push(query);
    if (this.queries.length === 1) this.start(now);
    else if (options.coalesce && !this.isWatched) this.watch();
    if (options.coalesce) scheduleFlush(this);
    else this.flush();
  }

  /**
   * The caller no longer waits for the query. It is canceled if it is the one that is running; the queries behind it
   * continue. The connection is not used again afterwards, so that a late cancel request never hits a write.
   */
  abandon(query: PipelinedQuery): void {
    query.isAbandoned = true;
    if (query !== this.queries[0]) return;
    query.isCanceled = true;
    this.cancelRequested = true;
    void requestCancel(this.client as pg.Client);
  }

  /** How long the server may take for one query, in ms; 0 for any time. */
  get readTimeoutMs(): number {
    const ownMs = Number(this.internals.connectionParameters.query_timeout ?? 0);
    return ownMs > 0 ? Math.max(ownMs, this.allowedMs ?? 0) : 0;
  }

  /**
   * A transaction or session has set its own `statement_timeout`: the client waits for its statements as well.
   *
   * @param statementTimeoutMs undefined restores the connection's own
   */
  allowStatements(statementTimeoutMs: number | undefined): void {
    this.allowedMs = statementTimeoutMs === undefined ? undefined : statementTimeoutMs + READ_TIMEOUT_MARGIN_MS;
  }

  /** Called after a session, which may have changed the server's prepared statements. */
  forgetNames(): void {
    this.names = new PreparedStatements();
  }

  /** Writes all queued messages at once. */
  flush(): void {
    if (this.outgoing.length === 0) return;
    this.internals.connection._send(Buffer.concat(this.outgoing.splice(0)));
  }

  /** How long the server has been working on the first query, in ms; undefined while the pipeline is empty. */
  busyMs(now: number): number | undefined {
    return this.queries.length === 0 ? undefined : now - this.headSince;
  }

  /** Has the queries behind a slow one sent again elsewhere, and remembers that it is slow. */
  checkStall(now: number): boolean {
    const [head] = this.queries;
    this.isWatched = this.queries.length > 1;
    if (!head || !this.isWatched) return false;
    if (this.probedAt !== undefined || this.serverMs(head, now) < STALLED_MS) return true;
    head.markSlow();
    for (const query of this.queries.slice(1)) query.stall();
    return true;
  }

  /** Fails every query in progress; the connection is unusable from then on. */
  failAll(error: Error): void {
    this.isBroken = true;
    this.probedAt = undefined;
    for (const query of this.queries.splice(0)) query.fail(error);
  }

  // The interface that node-postgres expects of its active query

  submit(): null {
    return null; // `send` has sent the messages already
  }

  handleRowDescription(message: RowDescription): void {
    this.queries[0]?.handleRowDescription(message);
  }

  handleDataRow(message: DataRow): void {
    this.queries[0]?.handleDataRow(message);
  }

  handleCommandComplete(message: CommandComplete): void {
    this.queries[0]?.handleCommandComplete(message);
  }

  handleEmptyQuery(): void {
    this.queries[0]?.handleEmptyQuery();
  }

  handlePortalSuspended(): void {
    // never happens: no query limits its rows
  }

  /** In copy-in mode the server has ignored the `Sync` sent with the statement, and waits for another one. */
  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFail('COPY FROM STDIN is not supported');
    connection.sync();
  }

  handleCopyData(): void {
    // `COPY TO STDOUT` is refused before it is sent; should it ever get through, its rows are dropped
  }

  handleError(error: Error): void {
    const [query] = this.queries;
    if (!query) return;
    if (!(error instanceof pg.DatabaseError) || isFatal(error)) return this.failAll(error);
    query.failure ??= error;
    this.internals._activeQuery = this; // node-postgres considers it finished; the response ends with `ReadyForQuery`
  }

  handleReadyForQuery(): void {
    const now = performance.now();
    if (this.probedAt !== undefined) return this.endProbe(this.probedAt, now);
    const query = this.queries.shift();
    if (!query) return;
    const ms = this.serverMs(query, now);
    this.headSince = now;
    this.limit?.end();
    if (this.queries.length > 0) this.stayActive();
    if (query.resetForRetry(this.cancelRequested)) this.send(query, { named: false, shared: true, coalesce: false });
    else query.complete(ms, (this.completedCount += 1) <= COLD_QUERIES);
  }

  /**
   * How long the server has been working on the first query. It began when it had sent the reply to the one before, or
   * when the query arrived.
   */
  private serverMs({ sentAt }: PipelinedQuery, now: number): number {
    return Math.max(0, Math.min(now - this.headSince, now - sentAt - this.roundTrip.ms));
  }

  /** The server replies to a `Sync` at once, before it reads the query behind it: that takes one round trip. */
  private measureRoundTrip(now: number): void {
    if (!this.roundTrip.isDue(now)) return;
    this.probedAt = now;
    this.outgoing.push(protocol.sync);
  }

  private endProbe(sentAt: number, now: number): void {
    this.probedAt = undefined;
    this.roundTrip.record(now - sentAt, now);
    this.headSince = now;
    this.keepActive();
  }

  private watch(): void {
    this.isWatched = true;
    stalls.watch(this);
  }

  private start(now: number): void {
    this.headSince = now;
    this.limitResult();
    readTimeouts.watch(this);
    this.internals._queryQueue.push(this);
    this.internals._pulseQueryQueue();
  }

  private limitResult(): void {
    this.limit?.begin(this.onResultTooLarge);
  }

  private readonly onResultTooLarge = (error: ResultTooLargeError): void => {
    const [query] = this.queries;
    query?.refuse(error);
    if (query) this.abandon(query);
  };

  private stayActive(): void {
    this.limitResult();
    this.keepActive();
  }

  private keepActive(): void {
    this.internals._activeQuery = this;
    this.internals.readyForQuery = false;
  }

  private unusableError(): Error | undefined {
    // node-postgres' own messages, by which `neverTookEffect` recognises a statement that was not sent.
    if (this.isBroken || !this.internals._queryable)
      return new Error('Client has encountered a connection error and is not queryable');
    return this.internals._ending ? new Error('Client was closed and is not queryable') : undefined;
  }
}

const pipelines = new WeakMap<pg.ClientBase, QueryPipeline>();

export function pipelineOf(client: pg.ClientBase): QueryPipeline {
  let pipeline = pipelines.get(client);
  if (!pipeline) pipelines.set(client, (pipeline = new QueryPipeline(client)));
  return pipeline;
}

/** Such an error fails every query in progress on the connection; none but the first can have started. */
function isFatal({ severity }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}

interface PendingWriter {
  flush(): void;
}

const pending = new Set<PendingWriter>();

/** Flushes the writer at the end of this turn of the event loop, so that statements sent in the same turn become one write. */
function scheduleFlush(writer: PendingWriter): void {
  if (pending.size === 0) runWithoutContext(() => setImmediate(flushAll));
  pending.add(writer);
}

function flushAll(): void {
  const writers = [...pending];
  pending.clear();
  for (const writer of writers) writer.flush();
}
