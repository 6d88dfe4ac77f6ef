import { expect, it } from '@jest/globals';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { FairQueue, type Waiter } from '../../../../src/database/pool/fair-queue.js';
import { tenantShare } from '../../../../src/database/pool/pool-options.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';

const CONFIG = { pool: { size: 10, maxOverflow: 10, tenantMaxQueued: 2 } } as AppConfig;
const SHARED = { shared: true } as ConnectionTarget;

it('a limit over all instances is divided among those that run now, and each has at least one', () => {
  let running = 1;
  const share = tenantShare(SHARED, CONFIG, { maxConnections: 6 }, () => running);
  const maximums = [1, 2, 4, 7, 100].map((instances) => {
    running = instances;
    return share.maxConcurrent;
  });
  expect(maximums).toEqual([6, 3, 1, 1, 1]);
});

it('the limit per instance holds as well, and tenants without one over all are not asked about', () => {
  const ask = (): never => {
    throw new Error('asked');
  };
  expect(tenantShare(SHARED, CONFIG, {}, ask).maxConcurrent).toBe(10);
  expect(tenantShare(SHARED, CONFIG, { maxConcurrentStatements: 3, maxConnections: 50 }, () => 2).maxConcurrent).toBe(
    3,
  );
});

it('the fair queue goes by the share as it is now: callers wait, then TENANT_BUSY', () => {
  let running = 1;
  const share = tenantShare(SHARED, CONFIG, { maxConnections: 4 }, () => running);
  const queue = new FairQueue<Waiter>();
  const waiter = { tenantId: 'acme', share, since: 0, allowsSharing: false };
  expect([queue.tryStart('acme', share), queue.tryStart('acme', share)]).toEqual([true, true]);
  running = 2;
  expect(queue.tryStart('acme', share)).toBe(false);
  queue.push({ ...waiter });
  queue.push({ ...waiter });
  expect(() => queue.push({ ...waiter })).toThrow(expect.objectContaining({ code: 'TENANT_BUSY' }));
  queue.finish('acme');
  expect(queue.hasNext).toBe(true);
});
