import { expect } from '@jest/globals';
import { noTenantMeetsAnotherContract } from '../../contracts/no-tenant-meets-another.js';
import { leftovers, NOTHING_LEFT, POOL_OPTIONS } from '../../support/statements/notes-database.js';

noTenantMeetsAnotherContract({
  through: (target) => target,
  poolSize: POOL_OPTIONS.size,
  deaths: [],
  expectNothingLeft: async (pool) => {
    expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
    expect(pool.counts()).toEqual({ total: 3, busy: 0, idle: 3, waiting: 0 });
  },
});
