import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { TenantCounts } from '../../../src/metrics/tenant-counts.js';
import { DeadlineError } from '../../../src/platform/timeout.js';
import { settlesAtOnce } from '../../support/at-once.js';
import { ManualClock } from '../../support/manual-clock.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';

const CACHE_MS = 10_000;

let database: TestDatabase;
let proxy: TcpProxy;
let catalog: DataSource;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  proxy = await TcpProxy.before(testServer());
  catalog = await openCatalog(proxy.through(targetOfUrl(database.url, 'default')), POOL_OPTIONS);
  await add('suspended', 2);
  await add('failed', 1);
});

afterAll(async () => {
  await catalog.destroy();
  await proxy.close();
  await database.drop();
});

async function add(status: string, count: number): Promise<void> {
  await database.admin(
    `INSERT INTO tenants (slug, status, isolation)
     SELECT 'tenant-' || substr(gen_random_uuid()::text, 1, 8), $1, 'row' FROM generate_series(1, $2)`,
    [status, count],
  );
}

/** Tenant counts after their first query. */
async function loadedCounts(): Promise<{ tenantCounts: TenantCounts; clock: ManualClock }> {
  const clock = new ManualClock();
  const tenantCounts = new TenantCounts(catalog, clock.now);
  await tenantCounts.refresh();
  expect(tenantCounts.lastFailure).toBeUndefined();
  return { tenantCounts, clock };
}

describe('tenant counts by status', () => {
  it('include 0 for every status without tenants', async () => {
    const { tenantCounts } = await loadedCounts();
    expect(Object.fromEntries(tenantCounts.counts)).toEqual({
      ...{ provisioning: 0, active: 0, suspended: 2, maintenance: 0, moving: 0, deleting: 0, failed: 1 },
    });
  });

  it('are queried once in 10 s, however many scrapes there are', async () => {
    const { tenantCounts, clock } = await loadedCounts();
    await add('suspended', 1);
    await Promise.all([tenantCounts.refresh(), tenantCounts.refresh()]);
    expect(tenantCounts.counts.get('suspended')).toBe(2);
    clock.advance(CACHE_MS);
    await Promise.all([tenantCounts.refresh(), tenantCounts.refresh()]);
    expect(tenantCounts.counts.get('suspended')).toBe(3);
  });

  it('keep their last values and report the failure while the catalog is down, and recover afterwards', async () => {
    const { tenantCounts, clock } = await loadedCounts();
    const known = [...tenantCounts.counts];
    proxy.cut();
    try {
      clock.advance(CACHE_MS);
      await tenantCounts.refresh();
      expect(tenantCounts.lastFailure).toBeInstanceOf(Error);
      expect([...tenantCounts.counts]).toEqual(known);
    } finally {
      proxy.mend();
    }
    await soon(async () => {
      clock.advance(CACHE_MS);
      await tenantCounts.refresh();
      expect(tenantCounts.lastFailure).toBeUndefined();
    });
  });

  it('give up by a deadline when the catalog hangs, and do not query it again meanwhile', async () => {
    const { tenantCounts, clock } = await loadedCounts();
    proxy.freeze();
    try {
      clock.advance(CACHE_MS);
      const queries = jest.spyOn(catalog, 'getRepository');
      await tenantCounts.refresh();
      expect(tenantCounts.lastFailure).toBeInstanceOf(DeadlineError);
      clock.advance(CACHE_MS);
      expect(await settlesAtOnce(tenantCounts.refresh())).toBe(true);
      expect(queries).toHaveBeenCalledTimes(1);
      queries.mockRestore();
    } finally {
      proxy.thaw();
    }
  });
});
