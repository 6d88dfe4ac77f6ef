import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
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

it.each([
  ['pooled', true],
  ['direct', false],
])('tenants are served in turn, whatever the order of their requests (%s)', async (_, reuse) => {
  pool = new TestPool(database.target, { reuse, size: 1 });
  const held = await pool.acquire();
  const served: string[] = [];
  const waiting = [...'AAAAABBCAD'].map(async (tenantId) => {
    const connection = await pool.acquire({ tenantId });
    served.push(tenantId);
    connection.release();
  });
  held.release();
  await Promise.all(waiting);
  expect(served.join('')).toBe('ABCDABAAAA');
  await expectStillWorks(pool, 1, backends);
});

it('a tenant at its own limit is passed over and gets its turn when it releases a connection', async () => {
  pool = new TestPool(database.target, { size: 3 });
  const share = { maxConcurrent: 1, maxQueued: 10 };
  const served: string[] = [];
  const first = await pool.acquire({ tenantId: 'A', share });
  const second = pool.acquire({ tenantId: 'A', share }).then((connection) => {
    served.push('A');
    return connection;
  });
  const other = await pool.acquire({ tenantId: 'B', share });
  served.push('B');
  other.release();
  expect(pool.counts()).toMatchObject({ busy: 1, waiting: 1 });
  first.release();
  (await second).release();
  expect(served).toEqual(['B', 'A']);
  await expectStillWorks(pool, 3, backends);
});

it.each([
  ['half of the connections', 4], // what tenant-share.ts gives
  ['every connection', 8],
])(
  "a tenant never waits behind more than one of another tenant's 500 queued requests (%s)",
  async (_, maxConcurrent) => {
    pool = new TestPool(database.target, { size: 6, maxOverflow: 2 });
    const share = { maxConcurrent, maxQueued: 500 };
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    let noisyTurns = 0;
    const noise = Array.from({ length: 500 }, async () => {
      while (!stop.signal.aborted) {
        const connection = await pool.acquire({ tenantId: 'noisy', share, signal: stop.signal });
        noisyTurns += 1;
        await connection.client.query('SELECT pg_sleep(0.005)');
        connection.release();
      }
    });
    const overtakenBy: number[] = [];
    for (let request = 0; request < 100; request += 1) {
      await nextTurn(); // callers that have a connection already, but have not run since, were not served before this one
      expect(pool.counts().waiting).toBeGreaterThan(400);
      const turnsBefore = noisyTurns;
      const connection = await pool.acquire({ tenantId: 'quiet', share });
      overtakenBy.push(noisyTurns - turnsBefore);
      await connection.client.query('SELECT pg_sleep(0.01)');
      connection.release();
    }
    stop.abort();
    await Promise.allSettled(noise);
    expect(noisyTurns).toBeGreaterThan(100);
    // In the order of arrival, hundreds of requests would come first, every time.
    expect(Math.max(...overtakenBy)).toBeLessThanOrEqual(1);
    await expectStillWorks(pool, 6, backends);
  },
);
