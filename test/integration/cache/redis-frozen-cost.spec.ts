import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM, ShiftedClock } from '../../support/cache/cache-rig.js';
import { connected } from '../../support/cache/cache-settled.js';
import { settlesAtOnce } from '../../support/at-once.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const READS = 400;

let redis: TestRedis;
let withRedis: CacheInstance;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  const options = { maxEntries: 0 }; // each read reaches Redis or the source
  withRedis = (await CacheInstance.open({ clock: new ShiftedClock(), redis: { port: redis.port }, options })).listen();
  withRedis.truth.write('k', 'one');
  await connected(withRedis);
});

afterEach(() => withRedis.close());

/** Reads one after the other. @returns how many of them had to wait for something outside the process */
async function readsThatWait(reads = READS): Promise<number> {
  let waited = 0;
  for (let n = 0; n < reads; n += 1) {
    const reading = withRedis.get('k');
    if (!(await settlesAtOnce(reading))) waited += 1;
    expect(await reading).toBe('one');
  }
  return waited;
}

describe('a frozen Redis', () => {
  it('delays only the first few reads, until the breaker opens', async () => {
    redis.freeze();
    try {
      const waited = await readsThatWait();
      const { redisFailures, redisBreaker } = withRedis.cache.snapshot();
      expect(redisBreaker).not.toBe('closed');
      expect(waited).toBeLessThanOrEqual(redisFailures);
      expect(redisFailures).toBeLessThan(20);
    } finally {
      redis.thaw();
    }
  });

  it('delays no read once the breaker is open, because only a ping tries it again', async () => {
    redis.freeze();
    try {
      await readsThatWait(50);
      await soon(async () => expect(withRedis.cache.snapshot().redisBreaker).toBe('half-open'));
      expect(await readsThatWait(50)).toBe(0);
    } finally {
      redis.thaw();
    }
  });

  it('is used again once it thaws', async () => {
    redis.freeze();
    await readsThatWait(50);
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

describe('a Redis that answers again', () => {
  it('is known to, without any read', async () => {
    redis.freeze();
    await readsThatWait(50);
    expect(withRedis.cache.snapshot().redisBreaker).not.toBe('closed');
    redis.thaw();
    await soon(async () => expect(withRedis.cache.snapshot().redisBreaker).toBe('closed'));
  });
});

describe('a Redis that refuses connections', () => {
  it('delays no read and is counted as failing', async () => {
    await redis.stop();
    try {
      await soon(async () => expect(withRedis.cache.snapshot().redisConnected).toBe(false));
      await withRedis.tier?.get('item:k', ITEM.schema);
      expect(withRedis.cache.snapshot().redisFailures).toBeGreaterThan(0); // not a miss; a ping may have failed as well
      expect(await readsThatWait(100)).toBe(0);
      expect(withRedis.cache.snapshot()).toMatchObject({ redisHits: 0, redisBreaker: 'open' });
      expect(withRedis.cache.snapshot().redisFailures).toBeGreaterThan(0);
    } finally {
      await redis.startAgain();
    }
  });
});
