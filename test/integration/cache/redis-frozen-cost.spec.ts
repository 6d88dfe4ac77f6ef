import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM, ShiftedClock } from '../../support/cache/cache-rig.js';
import { connected } from '../../support/cache/cache-settled.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const READS = 400;

let redis: TestRedis;
let withRedis: CacheInstance;
let without: CacheInstance;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  const options = { maxEntries: 0 }; // each read goes on to Redis, or to the truth
  withRedis = (await CacheInstance.open({ clock: new ShiftedClock(), redis: { port: redis.port }, options })).listen();
  without = (await CacheInstance.open({ clock: new ShiftedClock(), options })).listen();
  for (const { truth } of [withRedis, without]) truth.write('k', 'one');
  await connected(withRedis);
});

afterEach(() => withRedis.close());

/** Milliseconds of each of so many reads, one after the other, the shortest first. */
async function timesOf(instance: CacheInstance, reads = READS): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < reads; n += 1) {
    const startedAt = performance.now();
    expect(await instance.get('k')).toBe('one');
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b);
}

const median = (times: number[]): number => times[Math.floor(times.length / 2)] ?? NaN;

describe('a frozen Redis', () => {
  it('costs the first few reads a tenth of a second, and the others nothing', async () => {
    await timesOf(without); // warm
    const alone = await timesOf(without);
    redis.freeze();
    try {
      const frozen = await timesOf(withRedis);
      expect(median(frozen)).toBeLessThan(Math.max(median(alone) * 20, 1));
      expect(frozen.filter((ms) => ms > 80).length).toBeLessThanOrEqual(3);
      expect(frozen.at(-1)).toBeLessThan(1_000);
      expect(withRedis.cache.snapshot().redisBreaker).not.toBe('closed');
      expect(withRedis.cache.snapshot().redisFailures).toBeLessThan(20);
    } finally {
      redis.thaw();
    }
  });

  it('makes nobody wait for the one who tries whether it is back', async () => {
    redis.freeze();
    try {
      await timesOf(withRedis, 50);
      withRedis.truth.write('other', 'two');
      await soon(async () => {
        const probing = withRedis.get('k');
        const startedAt = performance.now();
        const isProbed = withRedis.cache.snapshot().redisBreaker === 'half-open';
        await withRedis.get('other');
        const other = performance.now() - startedAt;
        await probing;
        expect(isProbed).toBe(true);
        expect(other).toBeLessThan((performance.now() - startedAt) / 2);
      });
    } finally {
      redis.thaw();
    }
  });

  it('is used again by itself when it is back', async () => {
    redis.freeze();
    await timesOf(withRedis, 50);
    expect(withRedis.cache.snapshot().redisBreaker).not.toBe('closed');
    redis.thaw();
    await soon(async () => {
      const { redisHits } = withRedis.cache.snapshot();
      await withRedis.get('k');
      await withRedis.get('k');
      expect(withRedis.cache.snapshot().redisHits).toBeGreaterThan(redisHits);
      expect(withRedis.cache.snapshot().redisBreaker).toBe('closed');
    });
  });
});

describe('a Redis that refuses connections', () => {
  it('costs nothing, and is counted as failing', async () => {
    await redis.stop();
    try {
      await soon(async () => expect(withRedis.cache.snapshot().redisConnected).toBe(false));
      await withRedis.tier?.get('item:k', ITEM.schema);
      expect(withRedis.cache.snapshot().redisFailures).toBe(1); // not a miss
      const times = await timesOf(withRedis, 100);
      expect(times.at(-1)).toBeLessThan(100);
      expect(withRedis.cache.snapshot()).toMatchObject({ redisHits: 0, redisBreaker: 'open' });
      expect(withRedis.cache.snapshot().redisFailures).toBeGreaterThan(0);
    } finally {
      await redis.startAgain();
    }
  });
});
