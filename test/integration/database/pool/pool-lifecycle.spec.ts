import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { soon } from '../../../support/load/soon.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';

const REQUEST = { tenantId: 'any-tenant', share: { maxConcurrent: 100, maxQueued: 100 }, hold: 'statement' } as const;
const NOTHING = { total: 0, busy: 0, idle: 0, waiting: 0 };

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

function openPools({ size = 2, connectTimeoutMs = POOL_OPTIONS.connectTimeoutMs } = {}): ConnectionPools {
  const pool: AppConfig['pool'] = {
    ...{ ...POOL_OPTIONS, size, connectTimeoutMs, enabled: true, serverMaxConnections: 90 },
    ...{ tenantMaxConcurrent: undefined, tenantMaxQueued: 100 },
  };
  return new ConnectionPools({ pool } as AppConfig);
}

it('a pool is created once for simultaneous requests and opens no more connections than needed', async () => {
  const pools = openPools({ size: 10 });
  const handles = new Set(Array.from({ length: 100 }, () => pools.get({ ...database.target })));
  expect(handles.size).toBe(1);
  const [handle] = handles;
  const held = await Promise.all([1, 2, 3].map(() => handle!.acquire(REQUEST)));
  for (const connection of held) connection.release();
  expect(handle!.pool.snapshot()).toMatchObject({ opened: 3, total: 3, idle: 3 });
  expect(await backends.count()).toBe(3);
  await pools.close(1_000);
});

it("warm-up opens connections in advance, up to the pool's size and the server's limit", async () => {
  const budget = new ServerBudget(3);
  const pool = new TestPool(database.target, { size: 2, maxOverflow: 2 }, { budget });
  await pool.warmUp(1);
  expect(pool.counts()).toEqual({ total: 1, busy: 0, idle: 1, waiting: 0 });
  await pool.warmUp(100);
  expect(pool.counts()).toEqual({ total: 2, busy: 0, idle: 2, waiting: 0 });
  const other = new TestPool(database.target, { size: 2 }, { budget });
  await other.warmUp();
  expect(other.counts().total).toBe(1);
  expect(await backends.count()).toBe(3);
  expect(pool.snapshot().waits.totalMs).toBe(0);
  await other.end();
  await expectStillWorks(pool, 2, backends);
  await pool.end();
  await pool.warmUp();
  expect(pool.counts()).toEqual(NOTHING);
});

it('after a changed password, new work uses a new pool while checked-out connections finish and the old pool ends', async () => {
  const pools = openPools();
  const handle = pools.get(database.target);
  const old = handle.pool;
  const held = await handle.acquire(REQUEST);
  const password = 'changed while running';
  await database.admin(`ALTER ROLE ${database.role} PASSWORD '${password}'`);
  const changed: ConnectionTarget = { ...database.target, password, version: '2' };
  expect(pools.get(changed)).toBe(handle);
  const served = await handle.acquire(REQUEST);
  expect((await served.client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  expect((await held.client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]); // although its password is wrong now
  served.release();
  expect(old.counts()).toMatchObject({ busy: 1 });
  held.release();
  await soon(async () => expect(old.counts()).toEqual(NOTHING));
  expect(await backends.count()).toBe(handle.counts().total);
  await pools.close(1_000);
  await database.admin(`ALTER ROLE ${database.role} PASSWORD '${database.target.password}'`);
});

it('an ending pool hands out no connection that is idle, checked out, being opened or being validated', async () => {
  const proxy = await TcpProxy.before(database.target.server);
  for (const state of ['idle', 'lent', 'opening', 'validating'] as const) {
    const clock = new ManualClock();
    const options = { size: 2, maxOverflow: 0 };
    const pool = new TestPool(proxy.through(database.target), options, { now: clock.now });
    const successor = new TestPool(database.target, options);
    const first = state === 'opening' ? undefined : await pool.acquire();
    if (state !== 'lent') first?.release();
    clock.advance(2_000);
    if (state !== 'idle' && state !== 'lent') proxy.freeze();
    const waiting = state === 'opening' || state === 'validating' ? [pool.acquire(), pool.acquire()] : [];
    const ended = pool.end(successor);
    proxy.thaw();
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_ENDED' });
    for (const moved of await Promise.all(waiting)) moved.release();
    expect(successor.snapshot().opened).toBe(waiting.length); // they were served there
    if (state === 'lent') first?.release();
    await ended;
    expect({ state, ...pool.counts() }).toEqual({ state, ...NOTHING });
    await expectStillWorks(successor, 2, backends);
    await successor.end();
  }
  await proxy.close();
});

it('a pool unused for ten minutes closes its connections and opens new ones when it is used again', async () => {
  const clock = new ManualClock();
  const pool = new TestPool(database.target, { size: 2 }, { now: clock.now });
  await pool.warmUp();
  clock.advance(9 * 60_000);
  (await pool.acquire()).release(); // used
  clock.advance(9 * 60_000);
  await expectStillWorks(pool, 2, backends);
  expect(pool.snapshot().closed).toEqual({});
  clock.advance(10 * 60_000);
  await soon(async () => expect(pool.counts()).toEqual(NOTHING));
  expect(pool.snapshot().closed).toEqual({ unused: 2 });
  expect(await backends.count()).toBe(0);
  await expectStillWorks(pool, 2, backends);
  await pool.end();
});

it('shutdown abandons connections being opened on a server that does not answer', async () => {
  const proxy = await TcpProxy.before(database.target.server);
  proxy.freeze();
  const pools = openPools({ connectTimeoutMs: 600_000 }); // longer than a test may take
  const handle = pools.get(proxy.through(database.target));
  const waiting = handle.acquire(REQUEST);
  const refused = expect(waiting).rejects.toMatchObject({ code: 'POOL_ENDED' });
  await pools.close(50);
  await refused;
  expect(handle.counts()).toEqual(NOTHING);
  proxy.thaw();
  await proxy.close();
});
