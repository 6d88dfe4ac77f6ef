import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import type { AcquireRequest } from '../../../src/database/pool/connection-pool.js';
import { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { ServerBudget } from '../../../src/database/budget/server-budget.js';
import { Backends, expectStillWorks } from '../../support/postgres/backends.js';
import { ManualClock } from '../../support/manual-clock.js';
import { soon } from '../../support/load/soon.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/postgres/tenant-database.js';
import { POOL_OPTIONS, TestPool } from '../../support/pool/test-pool.js';
import { seededRandom } from '../../support/statements/seeded-random.js';

const LIMIT = 20;
const REQUEST: AcquireRequest = {
  tenantId: 'any-tenant',
  share: { maxConcurrent: 1_000, maxQueued: 1_000 },
  hold: 'statement',
};

let databases: TenantDatabase[];
let backends: Backends;

beforeAll(async () => {
  databases = [await createTenantDatabase(), await createTenantDatabase(), await createTenantDatabase()];
  backends = await Backends.of(...databases.map(({ role }) => role));
});

afterAll(async () => {
  await backends.close();
  for (const database of databases) await database.drop();
});

function targets(count: number): ConnectionTarget[] {
  return Array.from({ length: count }, (_, index) => {
    const { target } = databases[index % databases.length]!;
    return { ...target, id: `target ${index}`, shared: false };
  });
}

function openPools(enabled: boolean): ConnectionPools {
  const pool: AppConfig['pool'] = {
    ...{ ...POOL_OPTIONS, enabled, size: 10, maxOverflow: 5, serverMaxConnections: LIMIT },
    ...{ tenantMaxConcurrent: undefined, tenantMaxQueued: 200 },
  };
  return new ConnectionPools({ pool } as AppConfig);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

it.each([
  ['pooled', true, 500],
  ['direct', false, 100],
])('500 dedicated targets are served within a limit of 20 connections, without an error (%s)', async (...row) => {
  const [, enabled, count] = row;
  const random = seededRandom(20);
  const pools = openPools(enabled);
  const all = targets(count);
  const order = shuffled([...all, ...all.slice(0, count / 5)], random); // some of them come again
  backends.watch();
  const caller = async (): Promise<void> => {
    for (let target = order.pop(); target; target = order.pop()) {
      const connection = await pools.get(target).acquire(REQUEST);
      await connection.client.query('SELECT 1');
      connection.release();
    }
  };
  await Promise.all(Array.from({ length: 60 }, caller));
  const { most, samples } = await backends.stopWatching();
  expect(most).toBeLessThanOrEqual(LIMIT);
  expect(most).toBeGreaterThan(LIMIT / 2); // the sampling was dense enough
  expect(samples).toBeGreaterThan(30);
  const { servers, pools: snapshots } = pools.snapshot();
  await soon(async () => expect(await backends.count()).toBe(pools.snapshot().servers[0]?.open));
  expect(servers).toMatchObject([{ limit: LIMIT, waiting: 0 }]);
  expect(snapshots).toHaveLength(count);
  expect(snapshots.every((one) => one.busy === 0 && one.waiting === 0 && one.openFailures === 0)).toBe(true);
  await pools.close(5_000);
  expect(await backends.count()).toBe(0);
});

it("at the server's limit, the longest idle connection of any pool is closed for another pool", async () => {
  const clock = new ManualClock();
  const budget = new ServerBudget(3);
  const pools = targets(4).map((target) => new TestPool(target, {}, { budget, now: clock.now }));
  const use = async (index: number): Promise<void> => {
    clock.advance(10);
    (await pools[index]!.acquire()).release();
  };
  for (const index of [1, 0, 2, 1, 3]) await use(index);
  expect(pools.map((pool) => pool.snapshot().closed['server-limit'] ?? 0)).toEqual([1, 0, 0, 0]);
  await use(0);
  expect(pools.map((pool) => pool.snapshot().closed['server-limit'] ?? 0)).toEqual([1, 0, 1, 0]);
  await expectStillWorks(pools[0]!, 1, { count: async () => (await backends.count()) - 2 });
  for (const pool of pools) await pool.end();
  expect(budget.open).toBe(0);
});

it('a pool with hundreds of callers does not starve pools with few callers', async () => {
  const budget = new ServerBudget(2);
  const [greedy, ...modest] = targets(6).map((target) => new TestPool(target, { size: 10 }, { budget }));
  let greedyServed = 0;
  const statement = async (pool: TestPool): Promise<void> => {
    const connection = await pool.acquire();
    await connection.client.query('SELECT pg_sleep(0.002)');
    connection.release();
  };
  const greedyWork = Array.from({ length: 400 }, async () => {
    await statement(greedy!);
    greedyServed += 1;
  });
  await soon(async () => expect(greedyServed).toBeGreaterThan(2));
  await Promise.all(
    modest.map(async (pool) => {
      for (let turn = 0; turn < 5; turn += 1) await statement(pool);
    }),
  );
  // 25 statements of the modest ones: about as many of the greedy one may come between, not all of them.
  expect(greedyServed).toBeLessThan(100);
  await Promise.all(greedyWork);
  await expectStillWorks(greedy!, 2, { count: async () => greedy!.counts().total });
  for (const pool of [greedy!, ...modest]) await pool.end();
  expect(budget.open).toBe(0);
});

it('a server budget counts connections being opened until they are open or have failed', async () => {
  const budget = new ServerBudget(10);
  const [target] = targets(1);
  const pool = new TestPool(target!, {}, { budget });
  const wrong = new TestPool({ ...target!, password: 'wrong' }, {}, { budget });
  const { room } = budget.openings;
  const asked = Promise.allSettled([pool.acquire(), wrong.acquire()]);
  expect(budget.openings.room).toBe(room - 2);
  const [got] = await asked;
  expect(budget.openings.room).toBeGreaterThanOrEqual(room);
  if (got.status === 'fulfilled') got.value.release();
  await Promise.all([pool.end(), wrong.end()]);
});

it('a raised server limit is used at once', async () => {
  const budget = new ServerBudget(1);
  const [first, second] = targets(2).map((target) => new TestPool(target, {}, { budget }));
  const held = await first!.acquire();
  const waiting = second!.acquire();
  expect(budget.waiting).toBe(1);
  budget.resize(2);
  (await waiting).release();
  held.release();
  await expectStillWorks(first!, 1, { count: async () => (await backends.count()) - 1 });
  await first!.end();
  await second!.end();
});

it('a connection abandoned in the middle of a statement counts until the server has closed it', async () => {
  const budget = new ServerBudget(1);
  const [first, second] = targets(2).map((target) => new TestPool(target, {}, { budget }));
  const held = await first!.acquire();
  const statement = held.client.query('SELECT pg_sleep(0.4)').catch(() => undefined);
  held.release('its caller gave up');
  backends.watch();
  const served = await second!.acquire();
  expect(await backends.stopWatching()).toMatchObject({ most: 1 });
  served.release();
  await statement;
  await expectStillWorks(second!, 1, backends);
  await first!.end();
  await second!.end();
});

it("a caller that stops waiting for the server's limit leaves nothing behind", async () => {
  const budget = new ServerBudget(1);
  const [first, second] = targets(2).map((target) => new TestPool(target, { timeoutMs: 300 }, { budget }));
  const held = await first!.acquire();
  await expect(second!.acquire()).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
  const stop = new AbortController();
  const waiting = second!.acquire({ signal: stop.signal });
  stop.abort(new Error('gave up'));
  await expect(waiting).rejects.toThrow('gave up');
  held.release();
  (await first!.acquire()).release(); // it was not closed for another pool
  expect(first!.snapshot()).toMatchObject({ opened: 1, closed: {} });
  await expectStillWorks(second!, 1, backends);
  await first!.end();
  await second!.end();
  expect([budget.open, budget.waiting]).toEqual([0, 0]);
});
