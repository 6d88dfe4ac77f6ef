import { describe, expect, it } from '@jest/globals';
import type { RedisTier } from '../../../src/cache/redis/redis-tier.js';
import { TieredCache } from '../../../src/cache/tiers/tiered-cache.js';
import { CacheInstance, ITEM, OPTIONS, StoppedClock, Truth } from '../../support/cache/cache-rig.js';

describe('the lifetime of a cache entry', () => {
  it.each([
    [0, OPTIONS.ttlMs],
    [0.5, OPTIONS.ttlMs * 0.95],
    [1, OPTIONS.ttlMs * 0.9],
  ])('is shortened by up to a tenth at random: for the random number %s it ends after %s ms', async (drawn, lifeMs) => {
    const instance = await CacheInstance.open({ options: { random: () => drawn } });
    instance.listen().truth.write('a', 'one');
    await instance.get('a');
    instance.clock.advance(lifeMs - 1);
    expect(instance.cache.peek(ITEM, 'a')).toEqual({ text: 'one' });
    instance.clock.advance(1);
    expect(instance.cache.peek(ITEM, 'a')).toBeUndefined();
  });

  it('begins when the source was queried, not when it answered', async () => {
    const instance = await CacheInstance.open();
    instance.listen().truth.write('a', 'one');
    instance.truth.hold();
    const answer = instance.get('a');
    instance.clock.advance(4_000); // the value may be that old already
    instance.truth.release();
    await answer;
    instance.clock.advance(OPTIONS.ttlMs - 4_000);
    expect(instance.cache.peek(ITEM, 'a')).toBeUndefined();
  });
});

describe('a value that the source calls valid for a time', () => {
  const VALID_FOR_MS = 10_000;

  async function loaded(validForMs: number): Promise<CacheInstance> {
    const instance = await CacheInstance.open();
    instance.listen().truth.write('a', 'one', { validForMs });
    await instance.get('a');
    return instance;
  }

  it('is not served longer, although its entry could live longer', async () => {
    const instance = await loaded(VALID_FOR_MS);
    instance.clock.advance(VALID_FOR_MS - 1);
    expect(instance.cache.peek(ITEM, 'a')).toEqual({ text: 'one' });
    instance.clock.advance(1);
    expect(instance.cache.peek(ITEM, 'a')).toBeUndefined();
  });

  it.each([VALID_FOR_MS, OPTIONS.ttlMs + VALID_FOR_MS])(
    'is not served longer while the source is away: of %s ms',
    async (validForMs) => {
      const instance = await loaded(validForMs);
      instance.truth.failure = new Error('away');
      instance.clock.advance(validForMs - 1);
      expect(await instance.get('a')).toBe('one');
      instance.clock.advance(1);
      await expect(instance.get('a')).rejects.toThrow('away');
    },
  );

  it('is not served longer while changes may be missed', async () => {
    const instance = await CacheInstance.open();
    instance.truth.write('a', 'one', { validForMs: 100 });
    await instance.get('a');
    instance.clock.advance(100);
    expect(instance.cache.peek(ITEM, 'a')).toBeUndefined();
  });

  it('loses the time that the source took to answer', async () => {
    const instance = await CacheInstance.open();
    instance.listen().truth.write('a', 'one', { validForMs: VALID_FOR_MS });
    instance.truth.hold();
    const answer = instance.get('a');
    instance.clock.advance(4_000);
    instance.truth.release();
    await answer;
    instance.clock.advance(VALID_FOR_MS - 4_000);
    expect(instance.cache.peek(ITEM, 'a')).toBeUndefined();
  });
});

it.each([
  [0.4, 0],
  [1, 1],
])('a value that is valid for %s ms more is written to Redis %s times', async (validForMs, times) => {
  const written: string[] = [];
  const redis = {
    typicalMs: 0,
    get: () => Promise.resolve(undefined),
    set: (key: string) => Promise.resolve(void written.push(key)),
    loadExclusively: (_key: string, load: () => Promise<unknown>) => load(),
  } as unknown as RedisTier;
  const truth = new Truth();
  const cache = new TieredCache({ ...OPTIONS, now: new StoppedClock().now }, redis);
  cache.feedRestored(truth.mark());
  truth.write('a', 'one', { validForMs });
  await expect(cache.getOrLoad(ITEM, 'a', truth.loader('a'))).resolves.toEqual({ text: 'one' });
  expect(written).toHaveLength(times);
});

describe('the memory tier', () => {
  it('evicts the least recently used entry when it is full', async () => {
    const instance = await CacheInstance.open({ options: { maxEntries: 3 } });
    instance.listen();
    for (const key of ['a', 'b', 'c']) instance.truth.write(key, key);
    for (const key of ['a', 'b', 'c', 'a']) await instance.get(key);
    instance.truth.write('d', 'd');
    await instance.get('d');
    const held = ['a', 'b', 'c', 'd'].filter((key) => instance.cache.peek(ITEM, key));
    expect(held).toEqual(['a', 'c', 'd']);
    expect(instance.cache.snapshot().entries).toBe(3);
  });

  it('holds the most recently used entries after 5,000 reads in random order', async () => {
    const instance = await CacheInstance.open({ options: { maxEntries: 50 }, clock: new StoppedClock() });
    instance.listen();
    let state = 12_345;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    const order: string[] = []; // the expected content, most recently used last
    for (let step = 0; step < 5_000; step += 1) {
      const key = `k${Math.floor(random() * 120)}`;
      instance.truth.write(key, key, { version: 1 });
      await instance.get(key);
      if (order.includes(key)) order.splice(order.indexOf(key), 1);
      order.push(key);
      if (order.length > 50) order.shift();
    }
    for (const key of order) expect(instance.cache.peek(ITEM, key)).toBeDefined();
    expect(instance.cache.snapshot().entries).toBe(50);
  });
});
