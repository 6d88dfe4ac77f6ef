import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AcquireRequest } from '../../../../src/database/pool/connection-pool.js';
import type { CheckedOutConnection } from '../../../../src/database/pool/leases.js';
import { PoolHandle } from '../../../../src/database/pool/pool-handle.js';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { LogRecorder } from '../../../support/log-recorder.js';
import { soon } from '../../../support/load/soon.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';

const OPTIONS = { ...POOL_OPTIONS, size: 2, timeoutMs: 1_000 };
const REQUEST: AcquireRequest = {
  tenantId: 'any-tenant',
  share: { maxConcurrent: 10, maxQueued: 10 },
  hold: 'statement',
};

/** A pool with a defect that a test can switch on. */
class FaultyPool extends TestPool {
  faulty = false;

  override acquire(request: Partial<AcquireRequest> = {}): Promise<CheckedOutConnection> {
    if (this.faulty) throw new TypeError('a defect of the pool');
    return super.acquire(request);
  }
}

let database: TenantDatabase;
let backends: Backends;
let budget: ServerBudget;
let pool: FaultyPool;
let handle: PoolHandle;
let log: LogRecorder;

beforeAll(async () => {
  database = await createTenantDatabase();
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

beforeEach(() => {
  log = new LogRecorder();
  Logger.overrideLogger(log);
  budget = new ServerBudget(10);
  pool = new FaultyPool(database.target, OPTIONS, { budget });
  handle = new PoolHandle(pool, OPTIONS);
});

afterEach(async () => {
  pool.faulty = false;
  await expectStillWorks(pool, OPTIONS.size, backends);
  await pool.end();
  expect(budget.open).toBe(0);
  Logger.overrideLogger(false);
});

async function statement(): Promise<void> {
  const connection = await handle.acquire(REQUEST);
  try {
    await connection.client.query('SELECT 1');
  } finally {
    connection.release();
  }
}

describe('when the pool itself fails', () => {
  it('callers are served over direct connections, closed after use and counted, until the pool works again', async () => {
    await statement();
    pool.faulty = true;
    for (let turn = 0; turn < 3; turn += 1) await statement();
    expect(pool.snapshot()).toMatchObject({ fallbacks: 3, opened: 1 });
    await soon(async () => expect(await backends.count()).toBe(1)); // the pool's own
    pool.faulty = false;
    await statement();
    expect(pool.snapshot().fallbacks).toBe(3);
  });

  it('each incident is logged once with its cause, and once when it is over', async () => {
    for (const incident of [1, 2]) {
      pool.faulty = true;
      for (let turn = 0; turn < 3; turn += 1) await statement();
      expect(log.matching('error', /direct connections/)).toHaveLength(incident);
      pool.faulty = false;
      for (let turn = 0; turn < 3; turn += 1) await statement();
      expect(log.matching('log', /pool recovered/)).toHaveLength(incident);
    }
    expect(log.text).toContain('a defect of the pool');
    expect(log.text).not.toContain(database.target.password);
  });

  it("at most DB_POOL_SIZE direct connections are open, and they count towards the server's limit", async () => {
    pool.faulty = true;
    const held = await Promise.all([handle.acquire(REQUEST), handle.acquire(REQUEST)]);
    expect(budget.open).toBe(2);
    expect(await backends.count()).toBe(2);
    await expect(handle.acquire(REQUEST)).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
    for (const connection of held) connection.release();
    await soon(async () => expect(budget.open).toBe(0));
    await statement();
  });

  it('callers beyond the limit wait until earlier connections have closed', async () => {
    pool.faulty = true;
    const sequence = Array.from({ length: 5 }, async () => {
      for (let turn = 0; turn < 4; turn += 1) await statement();
    });
    backends.watch();
    await Promise.all(sequence);
    expect((await backends.stopWatching()).most).toBeLessThanOrEqual(OPTIONS.size);
    expect(pool.snapshot()).toMatchObject({ fallbacks: 20 });
  });

  it('a caller that stops waiting for a direct connection leaves the place to the next one', async () => {
    pool.faulty = true;
    const held = await Promise.all([handle.acquire(REQUEST), handle.acquire(REQUEST)]);
    const stop = new AbortController();
    const stopped = handle.acquire({ ...REQUEST, signal: stop.signal });
    const next = handle.acquire(REQUEST);
    stop.abort(new Error('gave up'));
    await expect(stopped).rejects.toThrow('gave up');
    held[0]?.release();
    (await next).release();
    held[1]?.release();
    await soon(async () => expect(budget.open).toBe(0));
  });

  it("direct connections stay within the server's limit", async () => {
    pool.faulty = true;
    budget.resize(1);
    const held = await handle.acquire(REQUEST);
    await expect(handle.acquire(REQUEST)).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
    held.release();
    await soon(async () => expect(budget.open).toBe(0));
    budget.resize(10);
  });

  it('a login role that the policies do not restrict is rejected on direct connections as well', async () => {
    await database.admin(`ALTER ROLE ${database.role} BYPASSRLS`);
    pool.faulty = true;
    const outcome = await handle.acquire(REQUEST).catch((error: unknown) => error);
    await database.admin(`ALTER ROLE ${database.role} NOBYPASSRLS`);
    expect(outcome).toMatchObject({ code: 'UNSAFE_ROLE' });
  });
});

describe('no direct connection is opened', () => {
  it('when the pool is exhausted', async () => {
    const held = await Promise.all([handle.acquire(REQUEST), handle.acquire(REQUEST)]);
    await expect(handle.acquire(REQUEST)).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
    expect(await backends.count()).toBe(2);
    for (const connection of held) connection.release();
  });

  it('when a tenant is at its own limit', async () => {
    const request = { ...REQUEST, share: { maxConcurrent: 1, maxQueued: 0 } };
    const held = await handle.acquire(request);
    await expect(handle.acquire(request)).rejects.toMatchObject({ code: 'TENANT_BUSY' });
    held.release();
  });

  it('when the caller stopped waiting', async () => {
    const signal = AbortSignal.abort(new Error('gave up'));
    await expect(handle.acquire({ ...REQUEST, signal })).rejects.toThrow('gave up');
  });

  it('when the password is wrong or the server is down', async () => {
    const down = { ...database.target, server: { ...database.target.server, port: 1 } };
    for (const target of [{ ...database.target, password: 'wrong' }, down]) {
      const other = new TestPool(target, OPTIONS);
      await expect(new PoolHandle(other, OPTIONS).acquire(REQUEST)).rejects.toMatchObject({
        code: 'TENANT_UNAVAILABLE',
      });
      expect(other.snapshot()).toMatchObject({ fallbacks: 0, openFailures: 1 });
      await other.end();
    }
  });

  afterEach(() => {
    expect(pool.snapshot().fallbacks).toBe(0);
    expect(log.matching('error', /./)).toEqual([]);
  });
});
