import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AppConfig } from '../../../src/config/app-config.js';
import { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/tenant-database.js';

let database: TenantDatabase;

beforeAll(async () => {
  Logger.overrideLogger(false);
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

function poolsOf(enabled: boolean): ConnectionPools {
  const pool: AppConfig['pool'] = {
    enabled,
    size: 1,
    maxOverflow: 0,
    recycleSeconds: 3600,
    timeoutMs: 5_000,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 5_000,
    serverMaxConnections: 90,
  };
  return new ConnectionPools({ pool } as AppConfig);
}

describe.each([
  ['pooled', true],
  ['direct', false],
])('the pools of a process (%s)', (_, enabled) => {
  it('are one per target, and another for its next version, while the old one drains', async () => {
    const pools = poolsOf(enabled);
    const old = pools.get(database.target);
    expect(pools.get({ ...database.target })).toBe(old);
    const held = await old.acquire();
    const next = pools.get({ ...database.target, version: '2' });
    expect(next).not.toBe(old);
    await expect(old.acquire()).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await held.client.query('SELECT 1');
    (await next.acquire()).release();
    held.release();
    await pools.close(5_000);
    expect([old.counts().total, next.counts().total]).toEqual([0, 0]);
  });

  it('close within the deadline although a lease is not given back', async () => {
    const pools = poolsOf(enabled);
    const pool = pools.get(database.target);
    const held = await pool.acquire();
    await pools.close(50);
    expect(pool.counts()).toMatchObject({ total: 1, busy: 1 });
    held.release();
    await pool.end();
  });

  it('are not opened again once they are closed', async () => {
    const pools = poolsOf(enabled);
    pools.get(database.target);
    await pools.close(1_000);
    expect(() => pools.get(database.target)).toThrow(expect.objectContaining({ code: 'POOL_ENDED' }));
  });
});
