import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { clientConfig } from '../../database/connection/client-config.js';
import { withDeadline } from '../../platform/timeout.js';
import { instanceIdOf } from '../../platform/config/instance-id.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { cancelIfBusy } from '../../database/connection/cancel-request.js';
import { ReadWriteClient } from '../../database/connection/read-write-client.js';
import { poolOptions } from '../../database/pool/pool-options.js';
import { CATALOG, catalogSchemaOf } from '../catalog-data-source.js';
import { parseCatalogEvent, CatalogEvents } from './catalog-events.js';
import { type CatalogPoint, currentHistory, currentPoint } from './catalog-point.js';
import { withCatalogSchema } from '../catalog-schema.js';
import { CATALOG_TARGET } from '../catalog-target.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { applicationName } from '../../platform/postgres/application-name.js';
import { VALUES_CHANNEL, ValueChanges } from './value-changes.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** A silently broken connection is detected after this, plus the query timeout. */
const HEARTBEAT_MS = 2_000;
const QUERY_TIMEOUT_MS = 5_000;
const DISCONNECT_TIMEOUT_MS = 1_000;

/**
 * Receives every change of the catalog over its own connection, and reports when that is lost and when it is restored:
 * changes announced in between are not repeated.
 */
@Injectable()
export class CatalogChangeFeed implements OnModuleInit {
  private readonly logger = new Logger(CatalogChangeFeed.name);
  /** The connection, and the point from which on every change is received; undefined while changes may be missed. */
  private current: { readonly client: ReadWriteClient; readonly since: CatalogPoint } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private stopped = false;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG_TARGET) private readonly target: ConnectionTarget,
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly events: CatalogEvents,
    private readonly shutdown: Shutdown = new Shutdown(),
    private readonly values?: ValueChanges,
  ) {}

  /** False while changes may be missed. */
  get connected(): boolean {
    return this.current !== undefined;
  }

  async onModuleInit(): Promise<void> {
    this.shutdown.add('stop the change feed', () => this.close());
    await this.connect();
  }

  async close(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const { current } = this;
    this.current = undefined;
    if (current) await disconnect(current.client);
  }

  private async connect(): Promise<void> {
    const client = new ReadWriteClient({
      ...withCatalogSchema(clientConfig(this.target, poolOptions(this.config)), catalogSchemaOf(this.catalog)),
      application_name: applicationName('signed notifications', instanceIdOf(this.config)),
      query_timeout: QUERY_TIMEOUT_MS,
    });
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    client.onReadOnly(() => this.lost(client, 'the server refuses writes now'));
    client.on('notification', ({ channel, payload }) => {
      if (channel === VALUES_CHANNEL) this.values?.deliver(payload);
      else this.events.deliver(parseCatalogEvent(payload));
    });
    let since: CatalogPoint;
    try {
      await client.connect();
      await client.query(`LISTEN tenantry_catalog; LISTEN ${VALUES_CHANNEL}`);
      since = await currentPoint(client); // not earlier: what was committed before is not announced
    } catch (error) {
      this.abandon(client);
      return this.retry(error);
    }
    if (this.stopped) return this.abandon(client);
    this.current = { client, since };
    if (this.failures > 0) this.logger.log('Catalog change feed reconnected');
    this.failures = 0;
    this.events.deliver({ kind: 'restored', since });
    this.scheduleHeartbeat(client);
  }

  /** Detects a silently broken connection by a query that gets no response, and a demoted server by what it reports. */
  private scheduleHeartbeat(client: ReadWriteClient): void {
    this.timer = setTimeout(() => {
      this.confirmHistory(client).then(
        () => this.current?.client === client && this.scheduleHeartbeat(client),
        () => this.lost(client),
      );
    }, HEARTBEAT_MS).unref();
  }

  /** A catalog that was replaced by an older backup under this connection announces nothing of it. */
  private async confirmHistory(client: ReadWriteClient): Promise<void> {
    if ((await currentHistory(client)) === this.current?.since.history) return;
    const since = await currentPoint(client);
    if (this.current?.client !== client) return;
    this.logger.warn('The catalog was restored or has lost changes: everything cached is loaded again');
    this.current = { client, since };
    this.events.deliver({ kind: 'restored', since });
  }

  private lost(client: ReadWriteClient, reason = 'connection lost'): void {
    if (this.current?.client !== client) return;
    this.current = undefined;
    clearTimeout(this.timer);
    this.abandon(client);
    this.events.deliver({ kind: 'lost' });
    this.retry(new Error(reason));
  }

  private retry(error: unknown): void {
    if (this.stopped) return;
    if (this.failures === 0) {
      const reason = reasonOf(error);
      this.logger.warn(`Catalog change feed unavailable (${reason}): reconnecting`);
    }
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.failures, LAST_RETRY_MS);
    this.failures += 1;
    this.timer = setTimeout(() => void this.connect(), delayMs);
  }

  private abandon(client: ReadWriteClient): void {
    client.removeAllListeners('notification');
    void disconnect(client);
  }
}

/**
 * `Client#end` never settles when the server is frozen or unreachable; such a socket must not delay the process's exit.
 */
async function disconnect(client: ReadWriteClient): Promise<void> {
  (client as ReadWriteClient & { unref(): void }).unref(); // documented, but missing from the types
  cancelIfBusy(client);
  try {
    await withDeadline(client.end(), DISCONNECT_TIMEOUT_MS);
  } catch {
    // already broken: nothing is left to close
  }
}
