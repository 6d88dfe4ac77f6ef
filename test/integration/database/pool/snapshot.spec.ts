import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { WAIT_BUCKETS_MS } from '../../../../src/database/pool/pool-statistics.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { soon } from '../../../support/load/soon.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';

let database: TenantDatabase;
let backends: Backends;

beforeAll(async () => {
  database = await createTenantDatabase();
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

it("every number of a pool's snapshot is right after a known history", async () => {
  let time = 0;
  const pool = new TestPool(
    database.target,
    { size: 2, timeoutMs: 300, recycleSeconds: 100 },
    { now: () => time, random: () => 0 },
  );
  const { role, server } = database.target;
  const nothing = {
    target: `${role}@${server.host}:${server.port}/${database.name}`,
    ...{ total: 0, busy: 0, idle: 0, waiting: 0, opened: 0, openFailures: 0 },
    ...{ closed: {}, timeouts: 0, refused: 0, fallbacks: 0, resent: 0, breaker: 'closed' },
    waits: { counts: [...WAIT_BUCKETS_MS, Infinity].map(() => 0), totalMs: 0 },
  };
  expect(pool.snapshot()).toEqual(nothing);

  const share = { maxConcurrent: 2, maxQueued: 1 };
  const held = await Promise.all([pool.acquire({ share }), pool.acquire({ share })]); // opened: 2, two waits of 0 ms
  const waiting = pool.acquire({ share });
  await expect(pool.acquire({ share })).rejects.toMatchObject({ code: 'TENANT_BUSY' }); // refused: 1
  expect(pool.snapshot()).toMatchObject({ total: 2, busy: 2, idle: 0, waiting: 1, opened: 2, refused: 1 });
  time = 40;
  held[0]!.release();
  (await waiting).release(); // a wait of 40 ms
  await pool.acquire({ share }).then((connection) => connection.release('broken')); // 0 ms; discarded: 1
  await soon(async () => expect(pool.counts()).toEqual({ total: 1, busy: 1, idle: 0, waiting: 0 }));
  await backends.terminate(...(await backends.pids()));
  await soon(async () => expect(pool.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 })); // lost: 1
  held[1]!.release();

  const again = await Promise.all([pool.acquire({ share }), pool.acquire({ share })]); // opened: 4, 0 ms twice
  const late = pool.acquire({ share });
  time = 400;
  await expect(late).rejects.toMatchObject({ code: 'POOL_TIMEOUT' }); // timeouts: 1
  for (const connection of again) connection.release();
  time = 200_000;
  (await pool.acquire({ share })).release(); // recycled: 1, then or by the sweep 2; opened: 5
  await soon(async () => expect(pool.counts()).toEqual({ total: 1, busy: 0, idle: 1, waiting: 0 }));

  const counts = WAIT_BUCKETS_MS.map((bound) => (bound === 1 ? 6 : bound === 50 ? 1 : 0));
  expect(pool.snapshot()).toEqual({
    ...nothing,
    ...{ total: 1, idle: 1, opened: 5, timeouts: 1, refused: 1 },
    closed: { discarded: 1, lost: 1, recycled: 2 },
    waits: { counts: [...counts, 0], totalMs: 40 },
  });
  await expectStillWorks(pool, 2, backends);
  await pool.end();
  expect(pool.snapshot()).toMatchObject({
    total: 0,
    idle: 0,
    closed: { discarded: 1, lost: 1, recycled: 2, ending: 2 },
  });
});

it('failures to connect are counted for attempts, not for rejections by the breaker', async () => {
  const pool = new TestPool({ ...database.target, password: 'wrong' });
  for (let turn = 0; turn < 10; turn += 1) await pool.acquire().catch(() => undefined);
  expect(pool.snapshot()).toMatchObject({ opened: 0, openFailures: 3, breaker: 'open', total: 0, closed: {} });
  await pool.end();
});

it("a server's snapshot is the sum of its pools", async () => {
  const limit = 2;
  const pool: AppConfig['pool'] = {
    ...{ ...POOL_OPTIONS, size: 1, enabled: true, serverMaxConnections: limit },
    ...{ tenantMaxConcurrent: undefined, tenantMaxQueued: 100 },
  };
  const pools = new ConnectionPools({ pool } as AppConfig);
  const request = { tenantId: 'any-tenant', share: { maxConcurrent: 9, maxQueued: 9 }, hold: 'lease' } as const;
  const handles = ['a', 'b', 'c'].map((id) => pools.get({ ...database.target, id }));
  expect(pools.snapshot().servers).toEqual([{ server: 'test', limit, open: 0, waiting: 0 }]);
  const held = await Promise.all(handles.slice(0, 2).map((handle) => handle.acquire(request)));
  const waiting = handles[2]!.acquire(request);
  expect(pools.snapshot().servers).toEqual([{ server: 'test', limit, open: 2, waiting: 1 }]);
  expect(pools.snapshot().pools.map(({ busy, waiting: callers }) => [busy, callers])).toEqual([
    [1, 0],
    [1, 0],
    [0, 1],
  ]);
  expect(await backends.count()).toBe(2);
  for (const connection of held) connection.release();
  (await waiting).release();
  await soon(async () => expect(pools.snapshot().servers).toMatchObject([{ open: 2, waiting: 0 }]));
  expect(await backends.count()).toBe(2);
  await pools.close(1_000);
  expect(pools.snapshot()).toEqual({ pools: [], servers: [{ server: 'test', limit, open: 0, waiting: 0 }] });
});
