import { afterAll, beforeAll, describe } from '@jest/globals';
import { cacheContract, type CacheUnderTest } from '../../contracts/cache.js';
import { CacheInstance, PATIENT } from '../../support/cache/cache-rig.js';
import { connected, settled } from '../../support/cache/cache-settled.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let redis: TestRedis;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

async function open(maxEntries: number): Promise<CacheUnderTest> {
  const instance = await CacheInstance.open({
    redis: { ...PATIENT, port: redis.port, keyPrefix: `of-${maxEntries}` },
    options: { maxEntries },
  });
  await connected(instance);
  return {
    instance,
    settle: () => settled(instance),
    advance: async (ms) => {
      instance.clock.advance(ms);
      await redis.age(ms);
    },
    close: () => Promise.resolve(instance.close()),
  };
}

describe('a cache with the Redis tier only', () => {
  cacheContract(() => open(0)); // memory that holds nothing
});

describe('a cache with both tiers', () => {
  cacheContract(() => open(1_000));
});
