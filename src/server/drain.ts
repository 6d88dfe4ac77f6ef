import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { ConnectionPools } from '../database/pool/connection-pools.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';

/** Time for load balancers to see "not ready" before this instance stops listening; skipped without connections. */
const NOTICE_MS = 500;
const POLL_MS = 20;
/** Time for a connection opened just before to send its first request. */
const FIRST_REQUEST_MS = 200;
/** Time to send error responses after database connections were closed. */
const LAST_RESPONSES_MS = 200;

/** An in-flight request, as named in the log. */
export interface OpenRequest {
  readonly method: string;
  readonly route: string;
  /** In ms of `performance.now`. */
  readonly startedAtMs: number;
}

/**
 * Graceful shutdown of the HTTP server: first it reports "not ready" while still accepting connections, so that late
 * clients do not get ECONNREFUSED; then it stops listening and lets in-flight requests finish, or aborts them at the
 * deadline.
 */
@Injectable()
export class Drain {
  private readonly logger = new Logger(Drain.name);
  private readonly requests = new Set<OpenRequest>();
  private readonly lateConnections = new WeakSet<Socket>();
  private server: Server | undefined;

  constructor(
    private readonly pools: ConnectionPools,
    private readonly shutdown: Shutdown,
  ) {
    shutdown.add('report not ready', (graceMs) => this.giveNotice(graceMs));
    shutdown.add('stop listening', () => this.stopListening());
    shutdown.add('finish requests', (graceMs) => this.finishRequests(graceMs));
  }

  get hasBegun(): boolean {
    return this.shutdown.hasBegun;
  }

  watch(server: Server): void {
    this.server = server;
    server.on('connection', (socket) => this.hasBegun && this.lateConnections.add(socket));
  }

  /** Whether the connection was opened after the shutdown began; its requests can be served by another instance. */
  isLateConnection(socket: Socket): boolean {
    return this.lateConnections.has(socket);
  }

  requestStarted(request: OpenRequest): void {
    this.requests.add(request);
  }

  requestEnded(request: OpenRequest): void {
    this.requests.delete(request);
  }

  private async giveNotice(graceMs: number): Promise<void> {
    const until = performance.now() + Math.min(NOTICE_MS, graceMs);
    while (performance.now() < until && (await this.openConnections()) > 0) await delay(POLL_MS);
  }

  /**
   * `close()` of Node's HTTP server also closes connections whose first request has not arrived, and such a client
   * could not know whether its request was processed. So only the listener is closed at first, and idle connections
   * later. The listener is closed right after pending connections were accepted, because the system resets unaccepted
   * ones.
   */
  private async stopListening(): Promise<void> {
    if (!this.server?.listening) return;
    await nextTurn();
    NetServer.prototype.close.call(this.server);
  }

  private async finishRequests(graceMs: number): Promise<void> {
    const abort = setTimeout(() => void this.abortRequests(), graceMs);
    const closesIdleFrom = performance.now() + FIRST_REQUEST_MS;
    while ((await this.openConnections()) > 0) {
      if (performance.now() >= closesIdleFrom) this.server?.closeIdleConnections();
      await delay(POLL_MS);
    }
    clearTimeout(abort);
  }

  private openConnections(): Promise<number> {
    return new Promise((resolve) => {
      if (!this.server) return resolve(0);
      this.server.getConnections((error, count) => resolve(error ? 0 : count));
    });
  }

  /** Closes database connections, so that waiting requests can respond with an error, then all client connections. */
  private async abortRequests(): Promise<void> {
    const unfinished = [...this.requests];
    if (unfinished.length > 0) {
      this.logger.warn(`Aborting ${unfinished.length} unfinished requests: ${unfinished.map(describe).join(', ')}`);
    }
    void this.pools.close(0);
    await delay(LAST_RESPONSES_MS);
    this.server?.closeAllConnections();
  }
}

function describe({ method, route, startedAtMs }: OpenRequest): string {
  return `${method} ${route} (${Math.round(performance.now() - startedAtMs)} ms)`;
}
