import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import { PoolMetrics } from '../../../src/metrics/pools/pool-metrics.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/postgres/tenant-database.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';
import { Exposition } from '../../support/metrics/exposition.js';

const SHARE = { maxConcurrent: 2, maxQueued: 1 };
const LIMIT = 7;

let database: TenantDatabase;
let pools: ConnectionPools;

beforeAll(async () => {
  database = await createTenantDatabase();
  const pool: AppConfig['pool'] = {
    ...POOL_OPTIONS,
    ...{ enabled: true, size: 2, maxOverflow: 0, timeoutMs: 2_000, serverMaxConnections: LIMIT },
    ...{ tenantMaxConcurrent: undefined, tenantMaxQueued: 1 },
  };
  pools = new ConnectionPools({ pool } as AppConfig);
});

afterAll(async () => {
  await pools.close(5_000);
  await database.drop();
});

it('the metrics of a pool match its history', async () => {
  const registry = new Registry();
  const metrics = new PoolMetrics(registry, pools);
  const scrape = async (): Promise<Exposition> => {
    metrics.refresh();
    return new Exposition(await registry.metrics());
  };
  const handle = pools.get(database.target);
  const acquire = (tenantId: string) => handle.acquire({ tenantId, share: SHARE, hold: 'lease' });

  const [first, second] = [await acquire('a'), await acquire('a')];
  const waiting = acquire('a').catch((error: unknown) => error);
  await expect(acquire('a')).rejects.toMatchObject({ code: 'TENANT_BUSY' });
  const during = await scrape();
  const [name = ''] = during.named('tenantry_pool_waiting').map(({ labels }) => labels['target']);
  const target = { target: name };
  expect(name).toMatch(new RegExp(`^${database.name}-[0-9a-f]{4}$`));
  expect(during.value('tenantry_pool_connections', { ...target, state: 'busy' })).toBe(2);
  expect(during.value('tenantry_pool_waiting', target)).toBe(1);
  expect(during.value('tenantry_server_connections_open', { server: 'test' })).toBe(2);
  expect(during.value('tenantry_server_connections_limit', { server: 'test' })).toBe(LIMIT);

  expect(await waiting).toMatchObject({ code: 'POOL_TIMEOUT' });
  first.release();
  second.release('the test says so');
  (await acquire('b')).release();
  const after = await scrape();
  const value = (figure: string, labels = {}): number =>
    after.value(`tenantry_pool_${figure}`, { ...target, ...labels });
  expect([value('opened_total'), value('timeouts_total'), value('refused_total')]).toEqual([2, 1, 1]);
  expect(value('closed_total', { reason: 'discarded' })).toBe(1);
  expect(value('wait_seconds_count')).toBe(3); // of the callers that got a connection
  expect(value('wait_seconds_bucket', { le: '+Inf' })).toBe(3);
  expect(value('wait_seconds_sum')).toBeCloseTo(pools.snapshot().pools[0]!.waits.totalMs / 1000, 9);
  expect([value('connections', { state: 'busy' }), value('waiting')]).toEqual([0, 0]);
  expect(value('breaker', { state: 'closed' })).toBe(1);
});
