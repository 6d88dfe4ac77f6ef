import { describe } from '@jest/globals';
import { cacheContract } from '../../contracts/cache.js';
import { CacheInstance } from '../../support/cache/cache-rig.js';

describe('a cache with the memory tier only', () => {
  cacheContract(async () => {
    const instance = await CacheInstance.open();
    return {
      instance,
      settle: () => Promise.resolve(),
      advance: (ms) => Promise.resolve(instance.clock.advance(ms)),
      close: () => Promise.resolve(),
    };
  });
});
