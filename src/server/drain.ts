import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { ConnectionPools } from '../database/pool/connection-pools.js';
import { ShutdownState } from '../platform/shutdown/shutdown-state.js';

/** How long callers have to hear that this instance leaves, before it stops listening. Nobody connected: not at all. */
const NOTICE_MS = 500;
const LOOK_AGAIN_MS = 20;
/** How long a connection that was made just before may take to send its request. */
const FIRST_REQUEST_MS = 200;
/** What of the time to shut down requests may use; the rest is for closing what they used. */
const REQUESTS_SHARE = 0.8;
/** For the answers of requests whose connections to databases were cut. */
const LAST_ANSWERS_MS = 200;

/** One request that is being worked on, as a log names it. */
export interface OpenRequest {
  readonly method: string;
  readonly route: string;
  /** In ms, of `performance.now`. */
  readonly since: number;
}

/**
 * How an instance takes leave of its callers: at first it still listens and says that it is not ready, so that nobody
 * who has not looked yet runs into a closed door; then it stops listening, and requests end, or are ended.
 */
@Injectable()
export class Drain {
  private readonly logger = new Logger(Drain.name);
  private readonly requests = new Set<OpenRequest>();
  private readonly lateConnections = new WeakSet<Socket>();
  private readonly timeoutMs: number;
  private server: Server | undefined;

  constructor(
    @Inject(APP_CONFIG) { shutdownTimeoutMs }: AppConfig,
    private readonly pools: ConnectionPools,
    private readonly shutdown: ShutdownState,
  ) {
    this.timeoutMs = shutdownTimeoutMs;
  }

  get hasBegun(): boolean {
    return this.shutdown.hasBegun;
  }

  watch(server: Server): void {
    this.server = server;
    server.on('connection', (socket) => this.hasBegun && this.lateConnections.add(socket));
  }

  /** Whether the connection was made after the leave began. Work that comes over it can be done elsewhere. */
  isLateConnection(socket: Socket): boolean {
    return this.lateConnections.has(socket);
  }

  started(request: OpenRequest): void {
    this.requests.add(request);
  }

  ended(request: OpenRequest): void {
    this.requests.delete(request);
  }

  /** Gives notice, stops listening, waits for what is under way, then runs `close`. */
  async run(close: () => Promise<void>): Promise<void> {
    this.shutdown.begin();
    const cutting = setTimeout(() => void this.cut(), this.timeoutMs * REQUESTS_SHARE);
    try {
      await this.giveNotice();
      await this.endConnections();
      await close();
    } finally {
      clearTimeout(cutting);
    }
  }

  private async giveNotice(): Promise<void> {
    const until = performance.now() + Math.min(NOTICE_MS, this.timeoutMs / 4);
    while (performance.now() < until && (await this.openConnections()) > 0) await delay(LOOK_AGAIN_MS);
  }

  /**
   * Node's HTTP server, told to close, also closes connections whose first request is not there yet: whoever made one
   * a moment ago could not tell whether its request was begun. So its listener is closed alone, and they later; and
   * right after what has arrived was accepted, because the system resets what nobody has accepted.
   */
  private async endConnections(): Promise<void> {
    if (!this.server?.listening) return;
    await nextTurn();
    NetServer.prototype.close.call(this.server);
    const from = performance.now() + FIRST_REQUEST_MS;
    while ((await this.openConnections()) > 0) {
      if (performance.now() >= from) this.server.closeIdleConnections();
      await delay(LOOK_AGAIN_MS);
    }
  }

  private openConnections(): Promise<number> {
    return new Promise((resolve) => {
      if (!this.server) return resolve(0);
      this.server.getConnections((error, count) => resolve(error ? 0 : count));
    });
  }

  /** Whoever waits for a database gets an error and can still answer; after that connections are closed as they are. */
  private async cut(): Promise<void> {
    const late = [...this.requests];
    if (late.length > 0) this.logger.warn(`Cut ${late.length} requests that did not end: ${late.map(name).join(', ')}`);
    void this.pools.close(0);
    await delay(LAST_ANSWERS_MS);
    this.server?.closeAllConnections();
  }
}

function name({ method, route, since }: OpenRequest): string {
  return `${method} ${route} (${Math.round(performance.now() - since)} ms)`;
}
