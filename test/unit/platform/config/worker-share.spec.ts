import { expect, it } from '@jest/globals';
import { CATALOG_POOL } from '../../../../src/catalog/catalog-data-source.js';
import { CONSTANT_CONNECTIONS } from '../../../../src/catalog/catalog.module.js';
import { KEPT_ADMIN_CONNECTIONS } from '../../../../src/database/admin-connections/admin-connections.js';
import { LOCK_CONNECTIONS } from '../../../../src/operations/operation-runner.js';
import { LEAST_CATALOG_SHARE, leastShare, shareOf } from '../../../../src/platform/config/worker-share.js';

const sharesOf = (limit: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => shareOf(limit, { number: index + 1, count }));

it('the shares of all workers add up to the limit of the instance, and differ by one at most', () => {
  for (const count of [2, 3, 4, 7, 16]) {
    for (let limit = count; limit <= 120; limit += 1) {
      const shares = sharesOf(limit, count);
      expect({ limit, count, sum: shares.reduce((sum, share) => sum + share) }).toEqual({ limit, count, sum: limit });
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }
  }
});

it('a process that is no worker has the whole limit', () => {
  expect(shareOf(30, undefined)).toBe(30);
});

it('the least share is what each process keeps free for work other than tenants, and one connection more', () => {
  const kept = KEPT_ADMIN_CONNECTIONS + CONSTANT_CONNECTIONS.kept + CATALOG_POOL.min + LOCK_CONNECTIONS.kept;
  expect([LEAST_CATALOG_SHARE, leastShare(true)]).toEqual([kept + 1, kept + 1]);
  expect(leastShare(false)).toBe(KEPT_ADMIN_CONNECTIONS + 1);
});
