import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PooledConnection } from '../../../../src/database/pool/connection-pool.js';
import type { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { Backends, expectStillWorks, expectTruth } from '../../../support/postgres/backends.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { soon } from '../../../support/load/soon.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import { clientOf, createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';
import { pick, seededRandom } from '../../../support/statements/seeded-random.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

/** What goes over the wire for one stamped statement. */
const FLIGHT = 'PBEPBDES';
const SIZE = 4;
const tenant = tenantIn('shared');

let database: TenantDatabase;
let backends: Backends;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

async function fill(pool: TestPool): Promise<void> {
  const held = await Promise.all(Array.from({ length: SIZE }, () => pool.acquire()));
  for (const connection of held) connection.release();
}

describe('connections that the server closes', () => {
  let pool: TestPool;

  beforeEach(async () => {
    pool = new TestPool(database.target, { size: SIZE });
    await fill(pool);
  });

  afterEach(async () => {
    await expectStillWorks(pool, SIZE, backends);
    await pool.end();
  });

  it('while idle are not checked out', async () => {
    await backends.terminate(...(await backends.pids()));
    await soon(async () => expect(pool.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 }));
    expect(pool.snapshot().closed).toEqual({ lost: SIZE });
  });

  it('in the middle of a statement are not checked out again', async () => {
    const held = await Promise.all(Array.from({ length: SIZE }, () => pool.acquire()));
    const sleeping = Promise.allSettled(held.map(({ client }) => client.query('SELECT pg_sleep(60)')));
    await soon(async () => expect(await activeBackends()).toBe(SIZE));
    await backends.terminate(...(await backends.pids()));
    for (const outcome of await sleeping) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: '57P01' } });
    }
    await soon(async () => expect(pool.counts()).toMatchObject({ total: 0, busy: 0 }));
    for (const connection of held) connection.release();
  });

  it('at random under load fail only the running statements, and affect no other target', async () => {
    const random = seededRandom(5);
    const other = await createNotesDatabase('shared');
    const otherPool = new TestPool(other.target, { size: 2 });
    const killing = new AbortController();
    const [outcomes, others]: [PromiseSettledResult<unknown>[], PromiseSettledResult<unknown>[]] = [[], []];
    const work = async (on: TestPool, into: PromiseSettledResult<unknown>[]): Promise<void> => {
      const client = clientOf(on, tenant);
      while (!killing.signal.aborted)
        into.push(...(await Promise.allSettled([client.query('SELECT pg_sleep(0.001)')])));
    };
    const workers = [1, 2, 3, 4, 5, 6].map(() => work(pool, outcomes));
    workers.push(work(otherPool, others), work(otherPool, others));
    for (let kill = 0; kill < 60; kill += 1) {
      const pids = await backends.pids();
      if (pids.length > 0) await backends.terminate(pick(random, pids));
    }
    killing.abort();
    await Promise.all(workers);
    expect(others.length).toBeGreaterThan(10);
    expect(others.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(true);
    await otherPool.end();
    await other.drop();
  });

  async function activeBackends(): Promise<number> {
    const rows = await database.admin(`SELECT FROM pg_stat_activity WHERE usename = $1 AND state = 'active'`, [
      database.role,
    ]);
    return rows.length;
  }
});

describe('a statement that meets a dead connection', () => {
  let proxy: TcpProxy;
  let tap: WireTap;
  let pool: TestPool;
  let client: StampedClient;

  beforeEach(async () => {
    proxy = await TcpProxy.before(database.target.server);
    tap = await WireTap.before(proxy.through(database.target));
    pool = new TestPool(tap.through(database.target), { size: SIZE });
    client = clientOf(pool, tenant);
    await fill(pool);
    await killUnheard();
  });

  afterEach(async () => {
    await expectStillWorks(pool, SIZE, backends);
    await pool.end();
    await tap.close();
    await proxy.close();
  });

  it('is sent again when it is a read, on a live connection, although all idle ones are dead', async () => {
    const reading = client.query('SELECT body FROM notes');
    proxy.thaw();
    await expect(reading).resolves.toMatchObject({ rows: [] });
    expect(flights()).toBe(2);
  });

  it('is not sent again when it is, or may be, a write', async () => {
    for (const text of [
      `INSERT INTO notes (body) VALUES ('once')`,
      `WITH gone AS (DELETE FROM notes RETURNING id) SELECT * FROM gone`,
      'SELECT body FROM notes FOR UPDATE',
    ]) {
      const writing = client.query(text);
      proxy.thaw();
      await expect(writing).rejects.toMatchObject({ code: '57P01' });
      expect(flights()).toBe(1);
      expect(await database.admin('SELECT FROM shared.notes')).toEqual([]);
      await fill(pool);
      await killUnheard();
    }
    proxy.thaw();
    await soon(async () => expect(pool.counts()).toMatchObject({ total: 0 }));
  });

  it('is not sent again when it is a read inside a transaction', async () => {
    await client.query('BEGIN');
    const reading = client.query('SELECT 1');
    proxy.thaw();
    await expect(reading).rejects.toMatchObject({ code: '57P01' });
    client.release();
  });

  /** The server's last words are still on their way when the next statement is sent. */
  async function killUnheard(): Promise<void> {
    const next = await pool.acquire();
    const { rows } = await next.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    next.release();
    tap.take();
    proxy.freeze();
    // First the connection that is used next: its statement fails before the others are known to be lost.
    await backends.terminate(rows[0]?.pid ?? 0);
    await soon(async () => expect(await backends.count()).toBe(SIZE - 1));
    await backends.terminate(...(await backends.pids()));
    await soon(async () => expect(await backends.count()).toBe(0));
  }

  function flights(): number {
    return tap.take().split(FLIGHT).length - 1;
  }
});

describe('a connection that has been idle for a while', () => {
  it('is validated before use, and when it is dead, those idle for as long are closed with it', async () => {
    const proxy = await TcpProxy.before(database.target.server);
    const clock = new ManualClock();
    const tap = await WireTap.before(proxy.through(database.target));
    const pool = new TestPool(tap.through(database.target), { size: SIZE }, { now: clock.now });
    await fill(pool);
    proxy.forgetLinks(); // neither side is notified
    clock.advance(2_000);
    tap.take();
    const served = await pool.acquire();
    // One of the four is validated; the others are closed without a question of their own.
    expect(tap.take().replaceAll(/[^Q]/g, '')).toBe('Q');
    await served.client.query('SELECT 1');
    served.release();
    proxy.reapForgotten();
    await expectStillWorks(pool, SIZE, backends);
    expect(pool.snapshot().closed).toEqual({ unanswering: SIZE });
    await pool.end();
    await tap.close();
    await proxy.close();
  });

  it('is used without validation within the trusted period, and validated after it', async () => {
    const tap = await WireTap.before(database.target);
    const clock = new ManualClock();
    const pool = new TestPool(tap.through(database.target), { size: 1 }, { now: clock.now });
    await fill1(pool);
    tap.take();
    await fill1(pool);
    expect(tap.take()).toBe('');
    clock.advance(2_000);
    await fill1(pool);
    expect(tap.take()).toBe('Q');
    await expectStillWorks(pool, 1, backends);
    await pool.end();
    await tap.close();
  });
});

describe('a released connection', () => {
  let pool: TestPool;
  let held: PooledConnection;

  beforeEach(async () => {
    pool = new TestPool(database.target, { size: 1 });
    held = await pool.acquire();
  });

  afterEach(async () => {
    await expectStillWorks(pool, 1, backends);
    await pool.end();
  });

  it('is discarded when its transaction is open', async () => {
    await held.client.query('BEGIN');
    held.release();
    expect(pool.snapshot().closed).toEqual({ discarded: 1 });
  });

  it.each([[undefined], ['its caller gave up']])('is discarded when a statement is running (%s)', async (reason) => {
    const statement = held.client.query('SELECT pg_sleep(60)');
    held.release(reason);
    expect(pool.snapshot().closed).toEqual({ discarded: 1 });
    await expect(statement).rejects.toThrow();
    await backends.terminate(...(await backends.pids()));
  });

  it('accepts nothing more from its former holder', async () => {
    await held.client.query('BEGIN');
    held.release();
    await expect(held.client.query('SELECT 1')).rejects.toThrow(/not queryable/);
  });

  it('is not counted twice when it was lost before', async () => {
    await backends.terminate(...(await backends.pids()));
    await soon(async () => expect(pool.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 }));
    held.release();
    expect(pool.snapshot()).toMatchObject({ closed: { lost: 1 }, opened: 1 });
    await expectTruth(pool, backends);
  });
});

async function fill1(pool: TestPool): Promise<void> {
  (await pool.acquire()).release();
}
