import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PooledConnection } from '../../../../src/database/pool/connection-pool.js';
import type { PoolOptions } from '../../../../src/database/pool/pool-options.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

const OPTIONS: Partial<PoolOptions> = {
  size: 2,
  maxOverflow: 1,
  recycleSeconds: 3600,
  timeoutMs: 5_000,
  connectTimeoutMs: 2_000,
  statementTimeoutMs: 5_000,
};

let database: TenantDatabase;
let pool: TestPool;

beforeAll(async () => {
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

afterEach(() => pool.end());

function open(options: Partial<PoolOptions> = {}): TestPool {
  pool = new TestPool(database.target, { ...OPTIONS, ...options });
  return pool;
}

async function pidOf({ client }: PooledConnection): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

async function currentPid(): Promise<number> {
  const connection = await pool.acquire();
  const pid = await pidOf(connection);
  connection.release();
  return pid;
}

async function backends(): Promise<number[]> {
  const rows = await database.admin<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE usename = $1', [
    database.role,
  ]);
  return rows.map(({ pid }) => pid);
}

/** Checks once per turn of the event loop; the test's own timeout is the deadline. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(setImmediate);
}

describe('pooled connections', () => {
  it('are shared at once with a read behind a transaction that stops waiting', async () => {
    open({ size: 1, maxOverflow: 0 });
    const read = await pool.acquire({ allowsSharing: true });
    const stop = new AbortController();
    const transaction = pool.acquire({ tenantId: 'first', hold: 'lease', signal: stop.signal });
    const later = pool.acquire({ tenantId: 'second', allowsSharing: true });
    stop.abort(new Error('no longer needed'));
    await expect(transaction).rejects.toThrow('no longer needed');
    (await later).release();
    read.release();
  });

  it('are checked out to one caller at a time and reused', async () => {
    open();
    const first = await pool.acquire();
    const second = await pool.acquire();
    const pids = [await pidOf(first), await pidOf(second)];
    expect(pids[0]).not.toBe(pids[1]);
    expect(pool.counts()).toEqual({ total: 2, busy: 2, idle: 0, waiting: 0 });
    first.release();
    first.release(); // a no-op
    second.release();
    expect(pool.counts()).toEqual({ total: 2, busy: 0, idle: 2, waiting: 0 });
    expect(pids).toContain(await currentPid());
  });

  it('beyond the size are closed once idle', async () => {
    open();
    const connections = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    expect(pool.counts()).toMatchObject({ total: 3, busy: 3 });
    for (const connection of connections) connection.release();
    await until(() => pool.counts().total === 2);
    await until(async () => (await backends()).length === 2);
    expect(pool.counts()).toEqual({ total: 2, busy: 0, idle: 2, waiting: 0 });
  });

  it('that die while idle are replaced', async () => {
    open({ size: 1, maxOverflow: 0 });
    const pid = await currentPid();
    await database.admin('SELECT pg_terminate_backend($1)', [pid]);
    await until(() => pool.counts().total === 0);
    expect(await currentPid()).not.toBe(pid);
  });

  it('that die while checked out are not checked out again', async () => {
    open({ size: 1, maxOverflow: 0 });
    const connection = await pool.acquire();
    const pid = await pidOf(connection);
    await database.admin('SELECT pg_terminate_backend($1)', [pid]);
    await expect(connection.client.query('SELECT 1')).rejects.toThrow();
    connection.release();
    expect(await currentPid()).not.toBe(pid);
  });

  it('released with a discard reason are closed', async () => {
    open({ size: 1, maxOverflow: 0 });
    const connection = await pool.acquire();
    const pid = await pidOf(connection);
    connection.release('it was left in a mess');
    expect(await currentPid()).not.toBe(pid);
    await until(async () => !(await backends()).includes(pid));
  });

  it('are replaced when they are too old', async () => {
    open({ size: 1, maxOverflow: 0, recycleSeconds: 1 });
    const pid = await currentPid();
    await until(() => pool.counts().total === 0); // closed on time, although idle
    expect(await currentPid()).not.toBe(pid);
  });
});

it('a pool has ended when every connection is closed, including idle ones', async () => {
  open();
  const connection = await pool.acquire();
  const { client } = connection;
  connection.release();
  let isClosed = false;
  client.once('end', () => {
    isClosed = true;
  });
  await pool.end();
  expect(isClosed).toBe(true);
});

describe('waiting callers', () => {
  it('are served in their order of arrival', async () => {
    open({ size: 1, maxOverflow: 0 });
    const held = await pool.acquire();
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (caller) => {
      const connection = await pool.acquire();
      order.push(caller);
      connection.release();
    });
    await until(() => pool.counts().waiting === 3);
    held.release();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  it("receive the pool's counts after the deadline", async () => {
    open({ size: 1, maxOverflow: 1, timeoutMs: 300 });
    const held = await Promise.all([pool.acquire(), pool.acquire()]);
    await expect(pool.acquire()).rejects.toMatchObject({
      code: 'POOL_TIMEOUT',
      counts: { total: 2, busy: 2, idle: 0, waiting: 0 },
      waitedMs: 300,
      retryAfterSeconds: 1,
      message: expect.stringContaining('total 2, busy 2, idle 0, waiting 0'),
    });
    for (const connection of held) connection.release();
    expect(await currentPid()).toBeGreaterThan(0);
  });

  it('are rejected at once when the pool ends, which waits for checked-out connections', async () => {
    open({ size: 1, maxOverflow: 0 });
    const held = await pool.acquire();
    const waiting = [pool.acquire(), pool.acquire()];
    let hasEnded = false;
    const ended = pool.end().then(() => {
      hasEnded = true;
    });
    for (const caller of waiting) await expect(caller).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_ENDED' });
    expect(await pidOf(held)).toBeGreaterThan(0); // still usable
    expect(hasEnded).toBe(false);
    held.release();
    await ended;
    expect(pool.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 });
    expect(await backends()).toEqual([]);
  });

  it('for a connection that is being opened are rejected when the pool ends, and it is closed', async () => {
    open();
    const opening = pool.acquire();
    const ended = pool.end();
    await expect(opening).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await ended;
    await until(async () => (await backends()).length === 0);
  });
});

describe('a server that cannot serve', () => {
  it('because it refuses the login is named, without the password', async () => {
    pool = new TestPool({ ...database.target, password: 'wrong-secret' }, OPTIONS);
    const refused = pool.acquire();
    await expect(refused).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: '28P01' } });
    await expect(refused).rejects.not.toThrow(/wrong-secret/);
    expect(JSON.stringify(await refused.catch((error: unknown) => error))).not.toContain('wrong-secret');
  });

  it('because it accepts and never answers is abandoned after the connect timeout, not the pool timeout', async () => {
    const silent = net.createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as net.AddressInfo;
    const server = { ...database.target.server, host: '127.0.0.1', port };
    pool = new TestPool({ ...database.target, server }, { ...OPTIONS, connectTimeoutMs: 100, timeoutMs: 20_000 });
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    expect(pool.counts().total).toBe(0);
    silent.close();
  });

  it('because nothing listens there is distinguished from a full pool', async () => {
    const nobody = { ...database.target.server, host: '127.0.0.1', port: 1 };
    pool = new TestPool({ ...database.target, server: nobody }, OPTIONS);
    await expect(pool.acquire()).rejects.toMatchObject({
      code: 'TENANT_UNAVAILABLE',
      cause: { code: 'ECONNREFUSED' },
      retryAfterSeconds: 5,
    });
  });
});
