import { Inject, Injectable } from '@nestjs/common';
import { CATALOG_TARGET } from '../catalog/catalog-target.js';
import { applicationName } from '../platform/postgres/application-name.js';
import { instanceIdOf } from '../platform/config/instance-id.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { ReadOnlyServerError } from '../database/connection/connection.errors.js';
import { PhysicalConnection } from '../database/connection/physical-connection.js';
import { poolOptions } from '../database/pool/pool-options.js';
import { clientConfig } from '../database/connection/client-config.js';

const TIMEOUT_MS = 1_000;

/** Probes the catalog over a dedicated connection, because a busy pool is not an outage. */
@Injectable()
export class CatalogProbe {
  private connection: PhysicalConnection | undefined;
  private running: Promise<void> | undefined;
  private readonly closed = new AbortController();

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG_TARGET) private readonly target: ConnectionTarget,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('close the catalog', () => this.close());
  }

  /**
   * Resolves when the catalog answers and accepts writes. Concurrent calls share one query.
   *
   * @throws ReadOnlyServerError, the error of connecting or querying, within two seconds, or five where the catalog has several
   *   addresses and its primary has just vanished
   */
  check(): Promise<void> {
    this.running ??= this.query().finally(() => (this.running = undefined));
    return this.running;
  }

  /** Also ends an attempt to connect; later checks reject. */
  async close(): Promise<void> {
    this.closed.abort(new Error('the probe of the catalog is closed'));
    const { connection } = this;
    this.drop(connection);
    await connection?.closed;
  }

  private async query(): Promise<void> {
    const isNew = !this.connection;
    this.connection ??= await this.connect();
    const { connection } = this;
    try {
      await connection.client.query('SELECT 1');
    } catch (error) {
      this.drop(connection);
      throw error;
    }
    if (!connection.refusesWrites) return;
    this.drop(connection);
    if (isNew) throw new ReadOnlyServerError(false);
    await this.query(); // the address may lead to the new primary by now
  }

  private connect(): Promise<PhysicalConnection> {
    const config = {
      ...clientConfig(this.target, poolOptions(this.config)),
      application_name: applicationName('health', instanceIdOf(this.config)),
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    };
    const onLost = (lost: PhysicalConnection): void => this.drop(lost);
    return PhysicalConnection.open(config, { onLost, signal: this.closed.signal });
  }

  private drop(connection: PhysicalConnection | undefined): void {
    if (this.connection === connection) this.connection = undefined;
    connection?.close();
  }
}
