import pg from 'pg';
import { requestCancel } from '../connection/cancel-request.js';
import { type RoundTrip, roundTripTo } from '../connection/round-trip.js';
import { ResultLimit, type ResultTooLargeError } from '../connection/result-limit.js';
import { READ_TIMEOUT_MARGIN_MS } from '../connection/client-config.js';
import { PreparedStatements } from './prepared-statements.js';
import type { Flight } from './flight.js';
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
import { hasCitus, ReadWriteClient } from '../connection/read-write-client.js';
import { flushAtEndOfTurn } from '../../platform/end-of-turn.js';

/** The first flights of a connection fill its backend's caches, so their durations are not representative. */
const COLD_FLIGHTS = 3;
/**
 * A flight that takes this long, far longer than a quick one, holds up those behind it. Not less: a server that is merely
 * overloaded must not receive their statements twice.
 */
const STALLED_MS = 100;

/** How to send a flight on a connection. */
export interface SendOptions {
  /** Whether to use prepared statements. */
  readonly named: boolean;
  /** Whether several tenants use the connection. */
  readonly shared: boolean;
  /** Whether the messages may wait until the end of this turn of the event loop, to be written together with others. */
  readonly coalesce: boolean;
  /** Whether the flight may be sent again elsewhere while a slow one is in front of it. */
  readonly resendable?: boolean;
}

/**
 * The flights in progress on one connection, in the order in which the server answers them. To node-postgres they are a
 * single query, which lasts until the pipeline is empty.
 *
 * An error fails one flight, because each has its own `Sync`; the loss of the connection fails them all.
 */
export class QueryPipeline implements ActiveQuery {
  /** The earliest time at which the server can have started the first flight, in ms. */
  private headSince = 0;
  private readonly flights: Flight[] = [];
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
  /** Whether it is checked for a stall regularly, which it is for as long as flights wait behind another one. */
  private isWatched = false;
  /** A cancel request was sent. Its arrival time is unknown, so it may be the cause of any later `query_canceled` error. */
  private cancelRequested = false;

  constructor(private readonly client: pg.ClientBase) {
    this.internals = internalsOf(client);
    this.limit = ResultLimit.of(client);
    this.roundTrip = roundTripTo(client as pg.Client);
    if (client instanceof ReadWriteClient) {
      client.isReadOnlyStatement = () => this.flights[0]?.stamp?.isReadOnly ?? false;
      client.isOwnCommand = () => this.flights[0]?.isInPrelude ?? false;
    }
  }

  send(flight: Flight, options: SendOptions): void {
    const unusable = this.unusableError();
    if (unusable) return process.nextTick(() => flight.fail(unusable));
    const now = performance.now();
    try {
      const isDistributed = hasCitus(this.client);
      const named = options.named && flight.stamp?.statementTimeoutMs === undefined && !isDistributed;
      const messages = flight.messages(this.internals, named ? this.names : undefined, options.shared, isDistributed);
      if (named && this.flights.length === 0) this.measureRoundTrip(now);
      this.outgoing.push(...messages);
    } catch (error) {
      flight.isUnsendable = true;
      return process.nextTick(() => flight.fail(error));
    }
    flight.sentAt = now;
    flight.isResendable = options.resendable ?? false;
    this.flights.push(flight);
    if (this.flights.length === 1) this.start(now);
    else if (flight.isResendable && !this.isWatched) this.watch();
    if (options.coalesce) flushAtEndOfTurn(this);
    else this.flush();
  }

  /**
   * The caller no longer waits for the flight. It is canceled if it is the one that is running; those behind it continue.
   * The connection is not used again afterwards, so that a late cancel request never hits a write.
   */
  abandon(flight: Flight): void {
    flight.abandon();
    if (flight !== this.flights[0]) return;
    flight.isCanceled = true;
    this.cancelRequested = true;
    void requestCancel(this.client as pg.Client);
  }

  /** How long the server may take for one flight, in ms; 0 for any time. */
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

  /** How long the server has been working on the first flight, in ms; undefined while the pipeline is empty. */
  busyMs(now: number): number | undefined {
    return this.flights.length === 0 ? undefined : now - this.headSince;
  }

  /** Has the flights behind a slow one sent again elsewhere, and remembers that it is slow. */
  checkStall(now: number): boolean {
    const [head] = this.flights;
    this.isWatched = this.flights.length > 1;
    if (!head || !this.isWatched) return false;
    if (this.probedAt !== undefined || this.serverMs(head, now) < STALLED_MS) return true;
    head.markSlow();
    for (const flight of this.flights.slice(1)) flight.stall();
    return true;
  }

  /** Fails every flight in progress; the connection is unusable from then on. */
  failAll(error: Error): void {
    this.isBroken = true;
    this.probedAt = undefined;
    for (const flight of this.flights.splice(0)) flight.fail(error);
  }

  // The interface that node-postgres expects of its active query

  submit(): null {
    return null; // `send` has sent the messages already
  }

  handleRowDescription(message: RowDescription): void {
    this.flights[0]?.handleRowDescription(message);
  }

  handleDataRow(message: DataRow): void {
    this.flights[0]?.handleDataRow(message);
  }

  handleCommandComplete(message: CommandComplete): void {
    const [flight] = this.flights;
    flight?.handleCommandComplete(message);
    // The server limits the time of each statement. One that is alone in its flight is measured from the flight's start.
    if (flight && flight.statements.length > 1) this.headSince = performance.now();
  }

  handleEmptyQuery(): void {
    this.flights[0]?.handleEmptyQuery();
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
    const [flight] = this.flights;
    if (!flight) return;
    if (!(error instanceof pg.DatabaseError) || isFatal(error)) return this.failAll(error);
    flight.handleError(error);
    this.internals._activeQuery = this; // node-postgres considers it finished; the response ends with `ReadyForQuery`
  }

  handleReadyForQuery(): void {
    const now = performance.now();
    if (this.probedAt !== undefined) return this.endProbe(this.probedAt, now);
    const [flight] = this.flights;
    if (flight?.handleSynced()) return this.keepActive();
    if (!flight) return;
    if (flight.awaitsPosition()) return this.stayActive();
    this.flights.shift();
    const ms = this.serverMs(flight, now);
    this.headSince = now;
    this.limit?.end();
    if (this.flights.length > 0) this.stayActive();
    if (flight.resetForRetry(this.cancelRequested))
      this.send(flight, { named: false, shared: true, coalesce: false, resendable: flight.isResendable });
    else flight.complete(ms, (this.completedCount += 1) <= COLD_FLIGHTS);
  }

  /**
   * How long the server has been working on the first flight. It began when it had sent the reply to the one before, or
   * when the flight arrived.
   */
  private serverMs({ sentAt }: Flight, now: number): number {
    return Math.max(0, Math.min(now - this.headSince, now - sentAt - this.roundTrip.ms));
  }

  /** The server replies to a `Sync` at once, before it reads the flight behind it: that takes one round trip. */
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
    const [flight] = this.flights;
    flight?.refuse(error);
    if (flight) this.abandon(flight);
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

/** Such an error fails every flight in progress on the connection; none but the first can have started. */
function isFatal({ severity }: pg.DatabaseError): boolean {
  return severity === 'FATAL' || severity === 'PANIC';
}
