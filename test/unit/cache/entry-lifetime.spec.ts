import { describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM, OPTIONS, StoppedClock } from '../../support/cache/cache-rig.js';

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
