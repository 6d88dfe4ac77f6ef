import pg from 'pg';
import { requestCancel } from '../connection/cancel-request.js';
import { ConnectionStatements } from './connection-statements.js';
import type { PipelinedQuery } from './pipelined-query.js';
import { watchLine } from './read-timeout-monitor.js';
import { postTogether } from './write-coalescer.js';
import type { ActiveQuery, CommandComplete, DataRow, RowDescription, WireClient, WireConnection } from './wire.js';
import { wireClient } from './wire.js';

/** The first statements of a connection fill its backend's caches: what they take says nothing of the statements. */
const COLD = 3;

/** How a connection is used. */
export interface SendOptions {
  /** Whether it knows statements by name. */
  readonly named: boolean;
  /** Whether tenants share it. */
  readonly shared: boolean;
  /** Whether the message may wait for others that leave in the same turn of the event loop. */
  readonly together: boolean;
}

/**
 * The flights that are under way on one connection, in the order in which the server answers them. To node-postgres they
 * are one query, which goes on for as long as there are any.
 *
 * An error ends one flight, because each has its own `Sync`; what ends the connection ends them all.
 */
export class QueryPipeline implements ActiveQuery {
  /** When the server can have begun with the first one, in ms. */
  private since = 0;
  private readonly queries: PipelinedQuery[] = [];
  private readonly wire: WireClient;
  private names = new ConnectionStatements();
  private outgoing: Buffer[] = [];
  private isBroken = false;
  private landed = 0;
  /** A cancel was asked for. When it comes is not known, so from then on it may have hit whatever was canceled. */
  private isCanceled = false;

  constructor(private readonly client: pg.ClientBase) {
    this.wire = wireClient(client);
  }

  send(flight: PipelinedQuery, use: SendOptions): void {
    const refusal = this.whyUnusable();
    if (refusal) return process.nextTick(() => flight.fail(refusal));
    try {
      const named = use.named && flight.stamp?.statementTimeoutMs === undefined;
      this.outgoing.push(...flight.messages(this.wire, named ? this.names : undefined, use.shared));
    } catch (error) {
      flight.isUnsendable = true;
      return process.nextTick(() => flight.fail(error));
    }
    this.queries.push(flight);
    if (this.queries.length === 1) this.begin();
    if (use.together) postTogether(this);
    else this.post();
  }

  /**
   * Nobody waits for it any more. It is stopped if it is the one that runs; those behind it go on. The connection is not
   * used further, so that a cancel which comes late never meets a write.
   */
  abandon(flight: PipelinedQuery): void {
    flight.isAbandoned = true;
    if (flight !== this.queries[0]) return;
    flight.isCanceled = true;
    this.isCanceled = true;
    void requestCancel(this.client as pg.Client);
  }

  /** What a session may have done to the names is not known. */
  forgetNames(): void {
    this.names = new ConnectionStatements();
  }

  /** Sends what has gathered. */
  post(): void {
    if (this.outgoing.length === 0) return;
    this.wire.connection._send(Buffer.concat(this.outgoing.splice(0)));
  }

  /** How long the server has been busy with the first one, in ms; undefined with none. */
  busyMs(now: number): number | undefined {
    return this.queries.length === 0 ? undefined : now - this.since;
  }

  /** None of those under way will be heard of any more; the connection is no good. */
  break(error: Error): void {
    this.isBroken = true;
    for (const flight of this.queries.splice(0)) flight.fail(error);
  }

  // What node-postgres asks of its active query

  submit(): null {
    return null; // what there is to send is sent by `send`
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
    // no flight asks for a part of its rows
  }

  /** The server ignored the `Sync` that was sent with the statement, and waits for another one. */
  handleCopyInResponse(connection: WireConnection): void {
    connection.sendCopyFail('COPY FROM STDIN is not supported');
    connection.sync();
  }

  handleCopyData(): void {
    // a statement that is refused before it is sent; its rows lead nowhere
  }

  handleError(error: Error): void {
    const [flight] = this.queries;
    if (!flight) return;
    if (!(error instanceof pg.DatabaseError) || isFatal(error)) return this.break(error);
    flight.failure ??= error;
    this.wire._activeQuery = this; // which node-postgres takes for done with; the answer ends with `ReadyForQuery`
  }

  handleReadyForQuery(): void {
    const flight = this.queries.shift();
    if (!flight) return;
    const now = performance.now();
    const ms = now - this.since;
    this.since = now;
    if (this.queries.length > 0) this.goOn();
    if (flight.isToBeRepeated(this.isCanceled)) this.send(flight, { named: false, shared: true, together: false });
    else flight.land(ms, (this.landed += 1) <= COLD);
  }

  private begin(): void {
    this.since = performance.now();
    watchLine(this, Number(this.wire.connectionParameters.query_timeout ?? 0));
    this.wire._queryQueue.push(this);
    this.wire._pulseQueryQueue();
  }

  private goOn(): void {
    this.wire._activeQuery = this;
    this.wire.readyForQuery = false;
  }

  private whyUnusable(): Error | undefined {
    // In node-postgres' words, by which a statement is known that was not sent (`neverTookEffect`).
    if (this.isBroken || !this.wire._queryable)
      return new Error('Client has encountered a connection error and is not queryable');
    return this.wire._ending ? new Error('Client was closed and is not queryable') : undefined;
  }
}

const lines = new WeakMap<pg.ClientBase, QueryPipeline>();

export function pipelineOf(client: pg.ClientBase): QueryPipeline {
  let line = lines.get(client);
  if (!line) lines.set(client, (line = new QueryPipeline(client)));
  return line;
}

/** Every statement that is under way on the connection ends with such an error, and none behind the first has begun. */
function isFatal({ severity }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}
