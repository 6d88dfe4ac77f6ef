import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { CacheStatistics } from '../../../src/cache/contract/cache-statistics.js';
import type { RedisTier } from '../../../src/cache/redis/redis-tier.js';
import { TieredCache, type TieredCacheOptions } from '../../../src/cache/tiers/tiered-cache.js';
import { CatalogChangeFeed } from '../../../src/catalog/feed/catalog-change-feed.js';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { CatalogEvents } from '../../../src/catalog/feed/catalog-events.js';
import { TenantDirectory } from '../../../src/tenant/directory/tenant-directory.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { TenantLookup } from '../../../src/tenant/directory/tenant-lookup.js';
import { OPTIONS, openTier, type RedisSettings, ShiftedClock, testKeyRing } from './cache-rig.js';
import { POOL_OPTIONS } from '../pool/test-pool.js';

interface Setting {
  /** The connection that receives notifications; directly from the catalog by default. */
  readonly notificationsThrough?: ConnectionTarget;
  readonly redis?: RedisSettings | undefined;
  readonly options?: Partial<TieredCacheOptions>;
}

/** The tenant look-up of one instance: cache, directory and change feed, without the rest of the application. */
export class LookupInstance {
  private constructor(
    readonly lookup: TenantLookup,
    readonly cache: TieredCache,
    readonly clock: ShiftedClock,
    readonly events: CatalogEvents,
    readonly feed: CatalogChangeFeed,
    readonly catalog: DataSource,
    private readonly tier: RedisTier | undefined,
  ) {}

  /** Resolves once it receives every change. */
  static async open(target: ConnectionTarget, { notificationsThrough = target, redis, options }: Setting = {}) {
    const catalog = await openCatalog(target, POOL_OPTIONS);
    const clock = new ShiftedClock();
    const statistics = new CacheStatistics();
    const tier = redis && (await openTier(redis, statistics));
    const cache = new TieredCache({ ...OPTIONS, now: clock.now, ...options }, tier, statistics);
    const directory = new TenantDirectory(catalog, target.server, testKeyRing());
    const events = new CatalogEvents();
    const lookup = new TenantLookup(cache, directory, events);
    const config = { pool: POOL_OPTIONS } as unknown as AppConfig;
    const feed = new CatalogChangeFeed(config, notificationsThrough, catalog, events);
    await feed.onModuleInit();
    return new LookupInstance(lookup, cache, clock, events, feed, catalog, tier);
  }

  async close(): Promise<void> {
    this.tier?.close();
    await this.feed.close();
    await this.catalog.destroy();
  }
}

/** A statement that inserts tenants without databases, as the catalog's owner would by hand. */
export function insertTenants(slugs: readonly string[]): string {
  const rows = slugs.map((slug) => `('${slug}', 'row', 'maintenance', 'as created')`);
  return `INSERT INTO tenants (slug, isolation, status, message) VALUES ${rows.join(', ')}`;
}

export function randomSlug(): string {
  return `t${randomBytes(8).toString('hex')}`;
}
