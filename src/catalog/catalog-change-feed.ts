import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { withDeadline } from '../platform/timeout.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { clientConfig, poolOptions } from '../database/pool/pool-options.js';
import { type CatalogEvent, parseCatalogEvent } from './catalog-event.js';
import { CATALOG_TARGET } from './catalog-target.js';

const RECONNECT_FIRST_MS = 100;
const RECONNECT_LAST_MS = 5_000;
/** A connection that died without a word goes unnoticed for so long, and the time an answer may take. */
const HEARTBEAT_MS = 2_000;
const ANSWER_TIMEOUT_MS = 5_000;
const GOOD_BYE_MS = 1_000;

export type CatalogListener = (event: CatalogEvent) => void;

/**
 * Hears every change of the catalog over a connection of its own, and tells when it is lost and when it listens again:
 * what was announced in between is not repeated.
 */
@Injectable()
export class CatalogChangeFeed implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(CatalogChangeFeed.name);
  private readonly listeners = new Set<CatalogListener>();
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private stopped = false;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG_TARGET) private readonly target: ConnectionTarget,
  ) {}

  /** False while changes may go unheard. */
  get connected(): boolean {
    return this.client !== undefined;
  }

  /** The listener is told at once when changes are heard already. */
  subscribe(listener: CatalogListener): () => void {
    this.listeners.add(listener);
    if (this.connected) listener({ kind: 'listening' });
    return () => void this.listeners.delete(listener);
  }

  async onModuleInit(): Promise<void> {
    await this.connect();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const client = this.client;
    this.client = undefined;
    if (client) await hangUp(client);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      ...clientConfig(this.target, poolOptions(this.config)),
      application_name: 'tenantry notifications',
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ payload }) => this.emit(parseCatalogEvent(payload)));
    try {
      await client.connect();
      await client.query('LISTEN tenantry_catalog');
    } catch (error) {
      this.abandon(client);
      return this.retry(error);
    }
    if (this.stopped) return this.abandon(client);
    this.client = client;
    if (this.failures > 0) this.logger.log('Catalog notifications are heard again');
    this.failures = 0;
    this.emit({ kind: 'listening' });
    this.scheduleHeartbeat(client);
  }

  /** A connection that is cut without a word is found out by a statement that gets no answer. */
  private scheduleHeartbeat(client: pg.Client): void {
    this.timer = setTimeout(() => {
      client.query('SELECT').then(
        () => this.client === client && this.scheduleHeartbeat(client),
        () => this.lost(client),
      );
    }, HEARTBEAT_MS).unref();
  }

  private lost(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    clearTimeout(this.timer);
    this.abandon(client);
    this.emit({ kind: 'lost' });
    this.retry(new Error('connection lost'));
  }

  private retry(error: unknown): void {
    if (this.stopped) return;
    if (this.failures === 0) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.warn(`Catalog notifications are interrupted (${reason}): trying again until they are back`);
    }
    const delayMs = Math.min(RECONNECT_FIRST_MS * 2 ** this.failures, RECONNECT_LAST_MS);
    this.failures += 1;
    this.timer = setTimeout(() => void this.connect(), delayMs);
  }

  private abandon(client: pg.Client): void {
    client.removeAllListeners('notification');
    void hangUp(client);
  }

  private emit(event: CatalogEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

/** `Client#end` waits for ever for a server that is frozen or out of reach; such a socket must not hold up the end of us. */
async function hangUp(client: pg.Client): Promise<void> {
  (client as pg.Client & { unref(): void }).unref(); // documented, and not in the types
  try {
    await withDeadline(client.end(), GOOD_BYE_MS);
  } catch {
    // it is broken already; there is nobody left to tell
  }
}
