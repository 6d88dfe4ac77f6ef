import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PooledConnection } from '../../../../src/database/pool/connection-pool.js';
import type { PoolOptions } from '../../../../src/database/pool/pool-options.js';
import type { TargetPoolDependencies } from '../../../../src/database/pool/target-pool.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { soon } from '../../../support/load/soon.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TestPool } from '../../../support/pool/test-pool.js';

let database: TenantDatabase;
let backends: Backends;
let pool: TestPool;

beforeAll(async () => {
  database = await createTenantDatabase();
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

afterEach(() => pool.end());

function open(options: Partial<PoolOptions>, more: Partial<TargetPoolDependencies> = {}): TestPool {
  pool = new TestPool(database.target, options, more);
  return pool;
}

function take(count: number): Promise<PooledConnection[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

function giveBack(held: readonly PooledConnection[]): void {
  for (const connection of held) connection.release();
}

function pidsOf(held: readonly PooledConnection[]): Promise<number[]> {
  return Promise.all(
    held.map(async ({ client }) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      return rows[0]?.pid ?? 0;
    }),
  );
}

it('DB_POOL_SIZE connections are kept, and DB_MAX_OVERFLOW more are opened under load and closed when idle', async () => {
  open({ size: 3, maxOverflow: 2 });
  const held = await take(5);
  const waiting = pool.acquire();
  expect(pool.counts()).toEqual({ total: 5, busy: 5, idle: 0, waiting: 1 });
  expect(await backends.count()).toBe(5);
  giveBack(held);
  giveBack([await waiting]);
  await soon(async () => expect(await backends.count()).toBe(3));
  expect(pool.snapshot().closed).toEqual({ overflow: 2 });
  await expectStillWorks(pool, 5, backends);
});

it('DB_POOL_RECYCLE is shortened by 0 to 10 % per connection, so that not all are replaced at once', async () => {
  const clock = new ManualClock();
  const jitter = [0, 0.5, 0.99];
  open({ size: 3, recycleSeconds: 10_000 }, { now: clock.now, random: () => jitter.shift() ?? 0 });
  const first = await take(3);
  const pids = await pidsOf(first);
  giveBack(first);
  const survivors = async (): Promise<number> => {
    const held = await take(3);
    const now = await pidsOf(held);
    giveBack(held);
    return now.filter((pid) => pids.includes(pid)).length;
  };
  clock.advance(8_990_000);
  expect(await survivors()).toBe(3);
  clock.advance(100_000); // 9 090 s: past the life of 0.99
  expect(await survivors()).toBe(2);
  clock.advance(450_000); // 9 540 s
  expect(await survivors()).toBe(1);
  clock.advance(450_000); // 9 990 s
  expect(await survivors()).toBe(1);
  clock.advance(100_000); // 10 090 s
  expect(await survivors()).toBe(0);
  expect(pool.snapshot().closed).toEqual({ recycled: 3 });
  await expectStillWorks(pool, 3, backends);
});

it('DB_POOL_RECYCLE=0 replaces nothing', async () => {
  const clock = new ManualClock();
  open({ size: 1, recycleSeconds: 0 }, { now: clock.now });
  const [first] = await take(1);
  const pids = await pidsOf([first!]);
  giveBack([first!]);
  clock.advance(1e12);
  const again = await take(1);
  expect(await pidsOf(again)).toEqual(pids);
  giveBack(again);
  await expectStillWorks(pool, 1, backends);
});

describe.each([
  ['pooling on', true],
  ['pooling off', false],
])('with %s', (_, reuse) => {
  it('at most DB_POOL_SIZE + DB_MAX_OVERFLOW connections are open, and POOL_TIMEOUT carries the counts', async () => {
    open({ reuse, size: 1, maxOverflow: 1, timeoutMs: 1_000 });
    const held = await take(2);
    const [first, second] = await Promise.allSettled([pool.acquire(), pool.acquire()]);
    const { role, server, database: name } = database.target;
    for (const outcome of [first, second]) {
      expect(outcome).toMatchObject({
        reason: {
          code: 'POOL_TIMEOUT',
          retryAfterSeconds: 1,
          message: expect.stringContaining(`${role}@${server.host}:${server.port}/${name} within 1000 ms`),
        },
      });
    }
    expect(first).toMatchObject({ reason: { counts: { total: 2, busy: 2, idle: 0, waiting: 1 } } });
    expect(pool.snapshot().timeouts).toBe(2);
    giveBack(held);
    await expectStillWorks(pool, 2, backends);
  });

  it('DB_POOL_TIMEOUT includes the time to connect, and a connection that opens later is kept', async () => {
    const proxy = await TcpProxy.before(database.target.server);
    pool = new TestPool(proxy.through(database.target), { reuse, timeoutMs: 1_500, connectTimeoutMs: 20_000 });
    proxy.freeze();
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
    expect(pool.counts()).toEqual({ total: 1, busy: 0, idle: 0, waiting: 0 });
    proxy.thaw();
    await soon(async () => expect(pool.counts()).toMatchObject({ total: reuse ? 1 : 0, idle: reuse ? 1 : 0 }));
    await expectStillWorks(pool, 2, backends);
    await pool.end();
    await proxy.close();
  });

  it('a tenant beyond its concurrency and queue limits gets TENANT_BUSY, and another tenant does not', async () => {
    open({ reuse, size: 3 });
    const share = { maxConcurrent: 2, maxQueued: 1 };
    const busy = { tenantId: 'busy', share };
    const held = await Promise.all([pool.acquire(busy), pool.acquire(busy)]);
    const waiting = pool.acquire(busy);
    await expect(pool.acquire(busy)).rejects.toMatchObject({ code: 'TENANT_BUSY', retryAfterSeconds: 1 });
    giveBack([await pool.acquire({ tenantId: 'other', share })]);
    giveBack(held);
    giveBack([await waiting]);
    expect(pool.snapshot().refused).toBe(1);
    await expectStillWorks(pool, 3, backends);
  });

  it('a caller whose refusal is held back may stop waiting for it', async () => {
    open({ reuse, size: 1 });
    const flood = { tenantId: 'flood', share: { maxConcurrent: 0, maxQueued: 0 } };
    const callers = Array.from({ length: 200 }, () => new AbortController());
    const refusals = callers.map(({ signal }) => pool.acquire({ ...flood, signal }));
    for (const caller of callers) caller.abort(new Error('the client is gone'));
    const reasons = (await Promise.allSettled(refusals)).map((outcome) => (outcome as PromiseRejectedResult).reason);
    expect(reasons.filter((reason) => reason.code === 'TENANT_BUSY')).toHaveLength(100); // passed on at once
    expect(reasons.filter((reason) => reason.message === 'the client is gone')).toHaveLength(100);
  });

  it('a tenant whose connections are being opened is within its limit and not rejected', async () => {
    open({ reuse, size: 4 });
    const share = { maxConcurrent: 4, maxQueued: 0 };
    const held = await Promise.all(Array.from({ length: 4 }, () => pool.acquire({ share })));
    await expect(pool.acquire({ share })).rejects.toMatchObject({ code: 'TENANT_BUSY' });
    giveBack(held);
    await expectStillWorks(pool, 4, backends);
  });

  it('expired connections are replaced by as many as the waiters need', async () => {
    let now = 0;
    open({ reuse, size: 2, maxOverflow: 3, recycleSeconds: 10 }, { now: () => now, random: () => 0 });
    giveBack(await Promise.all([pool.acquire(), pool.acquire()]));
    const { opened } = pool.snapshot();
    now = 11_000;
    giveBack(await Promise.all([pool.acquire(), pool.acquire()]));
    expect(pool.snapshot().opened - opened).toBe(2);
  });

  it('a caller may stop waiting', async () => {
    open({ reuse, size: 1 });
    const [held] = await take(1);
    const stop = new AbortController();
    const waiting = pool.acquire({ signal: stop.signal });
    stop.abort(new Error('not needed any more'));
    await expect(waiting).rejects.toThrow('not needed any more');
    await expect(pool.acquire({ signal: stop.signal })).rejects.toThrow('not needed any more');
    expect(pool.counts()).toMatchObject({ busy: 1, waiting: 0 });
    giveBack([held!]);
    await expectStillWorks(pool, 1, backends);
  });

  it('a wrong password and a missing server are TENANT_UNAVAILABLE', async () => {
    for (const [wrong, cause] of [
      [{ ...database.target, password: 'wrong' }, '28P01'],
      [{ ...database.target, server: { ...database.target.server, port: await unusedPort() } }, 'ECONNREFUSED'],
    ] as const) {
      pool = new TestPool(wrong, { reuse });
      await expect(pool.acquire()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: cause } });
      await soon(async () => expect(pool.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 }));
    }
  });
});

it('DB_POOL_TIMEOUT includes the time to validate an idle connection', async () => {
  const proxy = await TcpProxy.before(database.target.server);
  const clock = new ManualClock();
  pool = new TestPool(proxy.through(database.target), { size: 1, timeoutMs: 100 }, { now: clock.now });
  giveBack(await take(1));
  clock.advance(2_000); // idle for so long that it must be validated
  proxy.freeze();
  await expect(pool.acquire()).rejects.toMatchObject({
    code: 'POOL_TIMEOUT',
    counts: { total: 1, busy: 0, idle: 0, waiting: 0 },
  });
  proxy.thaw();
  await expectStillWorks(pool, 1, backends);
  expect(pool.snapshot().opened).toBe(1); // it answered after all, within its second
  await pool.end();
  await proxy.close();
});

it('with pooling off, every caller has a connection of its own, closed on release', async () => {
  open({ reuse: false, size: 2 });
  const pids = new Set<number>();
  for (let turn = 0; turn < 5; turn += 1) {
    const held = await take(2);
    for (const pid of await pidsOf(held)) pids.add(pid);
    giveBack(held);
  }
  expect(pids.size).toBe(10);
  await soon(async () => expect(await backends.count()).toBe(0));
  await soon(async () => expect(pool.snapshot()).toMatchObject({ opened: 10, closed: { direct: 10 }, total: 0 }));
  await expectStillWorks(pool, 2, backends);
});

async function unusedPort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
