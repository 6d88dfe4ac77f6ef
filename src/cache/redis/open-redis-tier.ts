import { Logger } from '@nestjs/common';
import { createCache, type CacheManagerStore, KeyvAdapter } from 'cache-manager';
import { Keyv } from 'keyv';
import type { AppConfig } from '../../platform/config/app-config.js';
import type { KeyRing } from '../../platform/encryption/key-ring.js';
import type { CacheStatistics } from '../contract/cache-statistics.js';
import { connectRedis, isRedisReady } from './redis-connection.js';
import { RedisTier } from './redis-tier.js';
import { isNotInstalled } from '../../platform/not-installed.js';
import { EncryptedRedis } from './encrypted-redis.js';

/**
 * The Redis tier; undefined when it is disabled, its packages are not installed, or none is configured and none runs on this
 * machine. Waits for that one only.
 *
 * @param options.isConfigured whether a variable says that there is a Redis
 * @param options.softTimeoutMs how long a caller waits for Redis
 */
export async function openRedisTier(
  { cache: { redisEnabled, redis } }: AppConfig,
  keyRing: KeyRing,
  statistics: CacheStatistics,
  { isConfigured = true, softTimeoutMs }: { isConfigured?: boolean; softTimeoutMs?: number | undefined } = {},
): Promise<RedisTier | undefined> {
  const logger = new Logger('Cache');
  if (!redisEnabled) {
    logger.log('Redis is disabled (ENABLE_REDIS_CACHE=false): using memory only');
    return undefined;
  }
  const packages = await loadPackages();
  if (!packages) {
    logger.log('The Redis packages are not installed (ioredis, cache-manager-ioredis-yet): using memory only');
    return undefined;
  }
  if (!isConfigured && !(await isRedisReady(packages.ioredis, redis))) {
    logger.log('Redis is not configured: using memory only');
    return undefined;
  }
  const client = connectRedis(packages.ioredis, redis);
  const encrypted = new EncryptedRedis(client, keyRing, `${redis.keyPrefix}:`, () => {
    statistics.redisRejected += 1;
  });
  // The store is typed for cache-manager 5; wrapped in KeyvAdapter and Keyv it works with 7.
  const store = packages.redisInsStore(encrypted as never) as unknown as CacheManagerStore;
  const keyv = new Keyv({ store: new KeyvAdapter(store), useKeyPrefix: false, throwOnErrors: true });
  return new RedisTier(createCache({ stores: [keyv] }), encrypted, client, statistics, softTimeoutMs);
}

async function loadPackages() {
  try {
    const [ioredis, { redisInsStore }] = await Promise.all([import('ioredis'), import('cache-manager-ioredis-yet')]);
    return { ioredis, redisInsStore };
  } catch (error) {
    if (isNotInstalled(error)) return undefined;
    throw error;
  }
}
