import { describe } from '@jest/globals';
import { cacheContract } from '../../contracts/cache.js';
import { CacheInstance } from '../../support/cache/cache-rig.js';

describe('a cache with the memory tier only', () => {
  cacheContract(async () => ({
    instance: await CacheInstance.open(),
    settle: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }));
});
