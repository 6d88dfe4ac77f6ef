import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { PoolOptions } from '../../../../src/database/pool/pool-options.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

const OPTIONS: Partial<PoolOptions> = {
  size: 1,
  maxOverflow: 1,
  recycleSeconds: 3600,
  timeoutMs: 5_000,
  connectTimeoutMs: 2_000,
  statementTimeoutMs: 5_000,
};

let database: TenantDatabase;

beforeAll(async () => {
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

function open(): TestPool {
  return new TestPool(database.target, { ...OPTIONS, reuse: false });
}

it('every caller has a direct connection of its own, closed on release', async () => {
  const connections = open();
  const held = await Promise.all([connections.acquire(), connections.acquire()]);
  expect(connections.counts()).toEqual({ total: 2, busy: 2, idle: 0, waiting: 0 });
  const pids = await Promise.all(
    held.map(async ({ client }) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number),
  );
  expect(new Set(pids).size).toBe(2);
  for (const connection of held) {
    connection.release();
    connection.release(); // a no-op
  }
  await connections.end();
  expect(connections.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 });
  expect(await database.admin('SELECT FROM pg_stat_activity WHERE pid = ANY ($1)', [pids])).toEqual([]);
});

it('ending a direct pool waits for checked-out connections and rejects callers that are still connecting', async () => {
  const connections = open();
  const held = await connections.acquire();
  const connecting = connections.acquire();
  let hasEnded = false;
  const ended = connections.end().then(() => {
    hasEnded = true;
  });
  await expect(connecting).rejects.toMatchObject({ code: 'POOL_ENDED' });
  await expect(connections.acquire()).rejects.toMatchObject({ code: 'POOL_ENDED' });
  await held.client.query('SELECT 1');
  expect(hasEnded).toBe(false);
  held.release();
  await ended;
});

it('a direct connection that cannot be opened is not counted', async () => {
  const connections = new TestPool({ ...database.target, password: 'wrong' }, { ...OPTIONS, reuse: false });
  await expect(connections.acquire()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: '28P01' } });
  await connections.end();
  expect(connections.counts()).toMatchObject({ total: 0 });
});
