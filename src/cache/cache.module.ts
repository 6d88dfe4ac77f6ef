import { Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { CONFIG_SOURCES, type ConfigSources } from '../platform/config/load-config.js';
import { isRedisConfigured } from '../platform/config/redis-configured.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { KeyRing } from '../platform/encryption/key-ring.js';
import { CACHE } from './contract/cache.js';
import { CacheStatistics } from './contract/cache-statistics.js';
import { openRedisTier } from './redis/open-redis-tier.js';
import type { RedisTier } from './redis/redis-tier.js';
import { MemoryValues } from './values/memory-values.js';
import { RedisValues } from './values/redis-values.js';
import { ValueStore } from './values/value-store.js';
import { TieredCache } from './tiers/tiered-cache.js';

/** Injection token: the Redis tier; undefined without Redis. */
export const REDIS_TIER = Symbol.for('tenantry/REDIS_TIER');
const ABSENCE_TTL_MS = 5_000;
const LOAD_TIMEOUT_MS = 5_000;

/** The cache shared by all requests, in memory and in Redis. Independent of tenants. */
@Module({
  providers: [
    CacheStatistics,
    {
      provide: REDIS_TIER,
      inject: [APP_CONFIG, KeyRing, CacheStatistics, CONFIG_SOURCES, Shutdown],
      useFactory: openTier,
    },
    {
      provide: CACHE,
      inject: [APP_CONFIG, REDIS_TIER, CacheStatistics],
      useFactory: ({ cache, log }: AppConfig, redis: RedisTier | undefined, statistics: CacheStatistics) =>
        new TieredCache(
          {
            ttlMs: cache.defaultTtlSeconds * 1000,
            absenceTtlMs: ABSENCE_TTL_MS,
            graceMs: cache.graceSeconds * 1000,
            loadTimeoutMs: LOAD_TIMEOUT_MS,
            maxEntries: cache.memoryMaxEntries,
            logsHits: log.level === 'debug' || log.level === 'trace',
          },
          redis,
          statistics,
        ),
    },
    {
      provide: ValueStore,
      inject: [APP_CONFIG, REDIS_TIER, CacheStatistics, KeyRing],
      useFactory: createValueStore,
    },
  ],
  exports: [CACHE, REDIS_TIER, ValueStore],
})
export class CacheModule {}

function createValueStore(
  { cache }: AppConfig,
  redis: RedisTier | undefined,
  statistics: CacheStatistics,
  keyRing: KeyRing,
): ValueStore {
  const { tenantMaxEntries: maxEntries, tenantMemoryBytes: maxBytes } = cache;
  const memory = new MemoryValues({ maxEntriesPerNamespace: maxEntries, maxBytes });
  const rejected = (): void => void (statistics.redisRejected += 1);
  const shared = redis && new RedisValues(redis, keyRing, `${cache.redis.keyPrefix}:`, maxEntries, rejected);
  return new ValueStore(memory, shared);
}

async function openTier(
  config: AppConfig,
  keyRing: KeyRing,
  statistics: CacheStatistics,
  sources: ConfigSources,
  shutdown: Shutdown,
): Promise<RedisTier | undefined> {
  const tier = await openRedisTier(config, keyRing, statistics, { isConfigured: isRedisConfigured(sources) });
  if (tier) shutdown.add('close Redis', () => tier.close());
  return tier;
}
