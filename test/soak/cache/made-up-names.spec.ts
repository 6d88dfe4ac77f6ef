import { describe, expect, it } from '@jest/globals';
import { CacheInstance, ITEM } from '../../support/cache/cache-rig.js';

describe('looking up 100,000 made-up names', () => {
  it('evicts no existing entry from memory', async () => {
    const instance = await CacheInstance.open({ options: { maxEntries: 100 } });
    instance.listen();
    const real = Array.from({ length: 100 }, (_, n) => `real-${n}`);
    for (const key of real) {
      instance.truth.write(key, key);
      await instance.get(key);
    }
    for (let n = 0; n < 100_000; n += 1) await instance.get(`made-up-${n}`);
    expect(real.filter((key) => !instance.cache.peek(ITEM, key))).toEqual([]);
    expect(instance.cache.snapshot().entries).toBe(100);
  });
});
