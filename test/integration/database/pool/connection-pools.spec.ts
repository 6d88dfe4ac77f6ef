import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TargetPool } from '../../../../src/database/pool/target-pool.js';
import { soon } from '../../../support/load/soon.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';

const ANY_TENANT = { tenantId: 'any-tenant', share: { maxConcurrent: 10, maxQueued: 10 }, hold: 'lease' } as const;

let database: TenantDatabase;

beforeAll(async () => {
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

function poolsOf(enabled: boolean): ConnectionPools {
  const pool: AppConfig['pool'] = {
    ...POOL_OPTIONS,
    enabled,
    size: 1,
    timeoutMs: 5_000,
    serverMaxConnections: 90,
    tenantMaxConcurrent: undefined,
    tenantMaxQueued: 100,
  };
  return new ConnectionPools({ pool } as AppConfig);
}

describe.each([
  ['pooled', true],
  ['direct', false],
])('the pools of a process (%s)', (_, enabled) => {
  it('are one per target; after a new version, new work goes to a new pool while the old one drains', async () => {
    const pools = poolsOf(enabled);
    const handle = pools.get(database.target);
    expect(pools.get({ ...database.target })).toBe(handle);
    const old = handle.pool;
    const held = await handle.acquire(ANY_TENANT);
    const waiting = handle.acquire(ANY_TENANT);
    expect(pools.get({ ...database.target, version: '2', shared: !database.target.shared })).toBe(handle);
    expect(handle.pool).not.toBe(old);
    await expect(old.acquire(ANY_TENANT)).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await held.client.query('SELECT 1');
    (await waiting).release(); // moved to the new pool with its place in the queue
    held.release();
    await pools.close(5_000);
    expect([old.counts().total, handle.counts().total]).toEqual([0, 0]);
  });

  it('are kept for a version that changes nothing about connections', async () => {
    const pools = poolsOf(enabled);
    const { pool } = pools.get(database.target);
    expect(pools.get({ ...database.target, version: '2' }).pool).toBe(pool);
    expect(pools.get({ ...database.target, password: 'another', version: '3' }).pool).not.toBe(pool);
    await pools.close(5_000);
  });

  it('close the direct connections of a pool that fails, also of a deleted target, at the deadline', async () => {
    const pools = poolsOf(enabled);
    const failing = jest.spyOn(TargetPool.prototype, 'acquire').mockRejectedValue(new Error('a defect'));
    const deleted = pools.get({ ...database.target, id: 'deleted' });
    const held = [await pools.get(database.target).acquire(ANY_TENANT), await deleted.acquire(ANY_TENANT)];
    failing.mockRestore();
    pools.forget('deleted');
    expect([...pools.tenantsInUse()]).toEqual([ANY_TENANT.tenantId]);
    await pools.close(0);
    expect(pools.snapshot().servers).toMatchObject([{ open: 2 }]); // until their holders release them
    for (const connection of held) await expect(connection.client.query('SELECT 1')).rejects.toThrow('not queryable');
    for (const connection of held) connection.release();
    await soon(async () => expect(pools.snapshot().servers).toMatchObject([{ open: 0 }]));
  });

  it('are replaced, but not created, when a target changes, and closed when it is deleted', async () => {
    const pools = poolsOf(enabled);
    const handle = pools.get(database.target);
    const old = handle.pool;
    pools.refresh({ ...database.target, id: 'nobody asked for it yet' });
    expect([...pools.targetIds()]).toEqual([database.target.id]);
    pools.refresh({ ...database.target, version: '2', shared: !database.target.shared });
    expect(handle.pool).not.toBe(old);
    await expect(old.acquire(ANY_TENANT)).rejects.toMatchObject({ code: 'POOL_ENDED' });
    const { pool } = handle;
    pools.forget(database.target.id);
    expect([...pools.targetIds()]).toEqual([]);
    await expect(pool.acquire(ANY_TENANT)).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await pools.close(5_000);
    await expect(handle.acquire(ANY_TENANT)).rejects.toMatchObject({ code: 'POOL_ENDED' });
  });

  it('are replaced for another password of the same version, which a catalog that lost changes gives', async () => {
    const pools = poolsOf(enabled);
    const { pool } = pools.get(database.target);
    expect(pools.get({ ...database.target, password: 'of another history' }).pool).not.toBe(pool);
    await pools.close(5_000);
  });

  it('serve a target that was deleted and restored, also over a handle from before', async () => {
    const pools = poolsOf(enabled);
    const handle = pools.get(database.target);
    pools.forget(database.target.id);
    (await handle.acquire(ANY_TENANT)).release(); // admitted, so the target exists again
    expect([...pools.targetIds()]).toEqual([database.target.id]);
    pools.forget(database.target.id);
    expect(pools.get({ ...database.target, version: '9' })).toBe(handle);
    (await handle.acquire(ANY_TENANT)).release();
    await pools.close(5_000);
    expect(handle.counts().total).toBe(0);
  });

  it('close by the deadline although a lease is not released: its connection is destroyed', async () => {
    const pools = poolsOf(enabled);
    const handle = pools.get(database.target);
    const held = await handle.acquire(ANY_TENANT);
    const { rows } = await held.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await pools.close(50);
    expect(handle.counts().total).toBe(0);
    await expect(held.client.query('SELECT 1')).rejects.toThrow();
    held.release();
    expect(await database.admin('SELECT FROM pg_stat_activity WHERE pid = $1', [rows[0]?.pid])).toEqual([]);
  });

  it('are not reopened once they are closed', async () => {
    const pools = poolsOf(enabled);
    pools.get(database.target);
    await pools.close(1_000);
    expect(() => pools.get(database.target)).toThrow(expect.objectContaining({ code: 'POOL_ENDED' }));
  });
});
