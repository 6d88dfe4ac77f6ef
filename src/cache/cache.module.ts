import { Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { OpenResources } from '../platform/start/open-resources.js';
import { KeyRing } from '../platform/encryption/key-ring.js';
import { CACHE } from './contract/cache.js';
import { CacheStatistics } from './contract/cache-statistics.js';
import { openRedisTier } from './redis/open-redis-tier.js';
import type { RedisTier } from './redis/redis-tier.js';
import { TieredCache } from './tiers/tiered-cache.js';

const REDIS_TIER = Symbol.for('tenantry/REDIS_TIER');
const ABSENCE_TTL_MS = 5_000;
const LOAD_TIMEOUT_MS = 5_000;

@Injectable()
class RedisTierCloser implements OnApplicationShutdown {
  constructor(@Inject(REDIS_TIER) private readonly tier: RedisTier | undefined) {}

  onApplicationShutdown(): void {
    this.tier?.close();
  }
}

/** The cache shared by all requests, in memory and in Redis. Independent of tenants. */
@Module({
  providers: [
    CacheStatistics,
    {
      provide: REDIS_TIER,
      inject: [OpenResources, APP_CONFIG, KeyRing, CacheStatistics],
      useFactory: async (resources: OpenResources, ...rest: Parameters<typeof openRedisTier>) => {
        const tier = await openRedisTier(...rest);
        resources.add(() => tier?.close());
        return tier;
      },
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
    RedisTierCloser,
  ],
  exports: [CACHE],
})
export class CacheModule {}
