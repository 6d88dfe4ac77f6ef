import pg from 'pg';
import { cancelIfBusy } from '../database/connection/cancel-request.js';
import { type ConnectionConfig, ReadWriteClient } from '../database/connection/read-write-client.js';

/**
 * The catalog's connections. One whose server no longer accepts writes, or that is released during a statement (after a
 * read timeout), is closed instead of reused.
 */
class CatalogPool extends pg.Pool {
  constructor(config: pg.PoolConfig & ConnectionConfig) {
    super({ ...config, Client: ReadWriteClient } as pg.PoolConfig & { Client: never }); // typed without parameters
    this.on('release', (_error, client) => this.onRelease(client as unknown as ReadWriteClient));
  }

  private onRelease(client: ReadWriteClient): void {
    const { refusesWrites } = client;
    if (!cancelIfBusy(client) && !refusesWrites) return;
    void client.end().catch(() => undefined); // the pool drops a client that is ending
    if (refusesWrites) this.askIdle();
  }

  /** Each idle connection to the same server learns, with its next statement, that the server refuses writes. */
  private askIdle(): void {
    for (let idle = this.idleCount; idle > 0; idle -= 1) void this.query('SELECT').catch(() => undefined);
  }
}

/** The `driver` option of TypeORM: node-postgres with that pool. */
export const catalogDriver: unknown = Object.create(pg, { Pool: { value: CatalogPool } });
