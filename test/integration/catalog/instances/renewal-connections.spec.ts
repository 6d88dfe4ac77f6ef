import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { CATALOG_POOL, openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { ConnectionShares } from '../../../../src/catalog/instances/connection-shares.js';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { SlotQueue } from '../../../../src/database/budget/slot-queue.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';

const { min: KEPT, max } = CATALOG_POOL;
const INSTANCE = { id: '00000001', name: 'test', pid: 1, worker: null };

let database: TestDatabase;
let budget: ServerBudget;
let catalog: DataSource;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  budget = new ServerBudget(10);
  const slots = new SlotQueue(budget.reserve({ kept: KEPT, max }));
  catalog = await openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS, { isProvided: false, slots });
});
afterAll(async () => {
  budget.resize(10);
  await catalog.destroy();
  await database.drop();
});

it('a renewal does not wait for a connection that only a renewal frees: one that is idle meanwhile is enough', async () => {
  budget.resize(KEPT);
  const busy = Array.from({ length: KEPT }, () => catalog.createQueryRunner());
  for (const runner of busy) await runner.connect();
  // The pool opens a connection for it, which waits for a slot until it gives up after five seconds.
  const renewing = new ConnectionShares(catalog).renew(INSTANCE, 1, []);
  const order: string[] = [];
  const watched = renewing.then(() => order.push('renewed'));
  const bound = catalog.query('SELECT').then(
    () => order.push('another'),
    () => order.push('another has failed'),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const runner of busy) await runner.release();
  await watched;
  expect(order).toEqual(['renewed']);
  budget.resize(10);
  await bound;
  expect(order).toEqual(['renewed', 'another']);
});
