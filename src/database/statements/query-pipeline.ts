import pg from 'pg';
import { requestCancel } from '../connection/cancel-request.js';
import { ResultLimit, type ResultTooLargeError } from '../connection/result-limit.js';
import { ConnectionStatements } from './connection-statements.js';
import type { PipelinedQuery } from './pipelined-query.js';
import { monitorReadTimeout } from './read-timeout-monitor.js';
import { scheduleFlush } from './write-coalescer.js';
import type { ActiveQuery, CommandComplete, DataRow, RowDescription, WireClient, WireConnection } from './wire.js';
import { wireClient } from './wire.js';

/** The first queries of a connection fill its backend's caches, so their durations are not representative. */
const COLD_QUERIES = 3;

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
  private readonly wire: WireClient;
  private readonly limit: ResultLimit | undefined;
  private names = new ConnectionStatements();
  private outgoing: Buffer[] = [];
  private isBroken = false;
  private completedCount = 0;
  /** A cancel request was sent. Its arrival time is unknown, so it may be the cause of any later `query_canceled` error. */
  private cancelRequested = false;

  constructor(private readonly client: pg.ClientBase) {
    this.wire = wireClient(client);
    this.limit = ResultLimit.of(client);
  }

  send(query: PipelinedQuery, options: SendOptions): void {
    const unusable = this.unusableError();
    if (unusable) return process.nextTick(() => query.fail(unusable));
    try {
      const named = options.named && query.stamp?.statementTimeoutMs === undefined;
      this.outgoing.push(...query.messages(this.wire, named ? this.names : undefined, options.shared));
    } catch (error) {
      query.isUnsendable = true;
      return process.nextTick(() => query.fail(error));
    }
    this.queries.push(query);
    if (this.queries.length === 1) this.start();
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

  /** Called after a session, which may have changed the server's prepared statements. */
  forgetNames(): void {
    this.names = new ConnectionStatements();
  }

  /** Writes all queued messages at once. */
  flush(): void {
    if (this.outgoing.length === 0) return;
    this.wire.connection._send(Buffer.concat(this.outgoing.splice(0)));
  }

  /** How long the server has been working on the first query, in ms; undefined while the pipeline is empty. */
  busyMs(now: number): number | undefined {
    return this.queries.length === 0 ? undefined : now - this.headSince;
  }

  /** Fails every query in progress; the connection is unusable from then on. */
  failAll(error: Error): void {
    this.isBroken = true;
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
  handleCopyInResponse(connection: WireConnection): void {
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
    this.wire._activeQuery = this; // node-postgres considers it finished; the response ends with `ReadyForQuery`
  }

  handleReadyForQuery(): void {
    const query = this.queries.shift();
    if (!query) return;
    const now = performance.now();
    const ms = now - this.headSince;
    this.headSince = now;
    this.limit?.end();
    if (this.queries.length > 0) this.stayActive();
    if (query.resetForRetry(this.cancelRequested)) this.send(query, { named: false, shared: true, coalesce: false });
    else query.complete(ms, (this.completedCount += 1) <= COLD_QUERIES);
  }

  private start(): void {
    this.headSince = performance.now();
    this.limitResult();
    monitorReadTimeout(this, Number(this.wire.connectionParameters.query_timeout ?? 0));
    this.wire._queryQueue.push(this);
    this.wire._pulseQueryQueue();
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
    this.wire._activeQuery = this;
    this.wire.readyForQuery = false;
  }

  private unusableError(): Error | undefined {
    // node-postgres' own messages, by which `neverTookEffect` recognises a statement that was not sent.
    if (this.isBroken || !this.wire._queryable)
      return new Error('Client has encountered a connection error and is not queryable');
    return this.wire._ending ? new Error('Client was closed and is not queryable') : undefined;
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
