import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { CATALOG_TARGET } from '../catalog/catalog-target.js';
import type { ConnectionTarget } from '../database/pool/connection-target.js';
import { clientConfig, poolOptions } from '../database/pool/pool-options.js';

const TIMEOUT_MS = 1_000;

/** Asks the catalog whether it is there, over a connection of its own: a busy pool is no outage. */
@Injectable()
export class CatalogProbe implements OnApplicationShutdown {
  private client: pg.Client | undefined;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG_TARGET) private readonly target: ConnectionTarget,
  ) {}

  /** @throws what connecting or asking throws, within two seconds */
  async ask(): Promise<void> {
    const client = this.client ?? (await this.connect());
    try {
      await client.query('SELECT 1');
    } catch (error) {
      this.drop(client);
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.end();
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      ...clientConfig(this.target, poolOptions(this.config)),
      application_name: 'tenantry health',
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
    });
    client.on('error', () => this.drop(client));
    await client.connect();
    this.client = client;
    return client;
  }

  private drop(client: pg.Client): void {
    if (this.client === client) this.client = undefined;
    client.end().catch(() => undefined); // it is broken already; there is nobody left to tell
  }
}
