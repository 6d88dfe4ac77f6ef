import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { targetOfUrl } from '../../../src/database/connection/database-url.js';
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

/** A census that has counted once. */
async function taken(): Promise<{ census: TenantCounts; clock: ManualClock }> {
  const clock = new ManualClock();
  const census = new TenantCounts(catalog, clock.now);
  await census.refresh();
  expect(census.lastFailure).toBeUndefined();
  return { census, clock };
}

describe('tenants by status', () => {
  it('are counted, with 0 for every status that none is in', async () => {
    const { census } = await taken();
    expect(Object.fromEntries(census.counts)).toEqual({
      ...{ provisioning: 0, active: 0, suspended: 2, maintenance: 0, moving: 0, deleting: 0, failed: 1 },
    });
  });

  it('are asked for once in 10 s, however many ask at once', async () => {
    const { census, clock } = await taken();
    await add('suspended', 1);
    await Promise.all([census.refresh(), census.refresh()]);
    expect(census.counts.get('suspended')).toBe(2);
    clock.advance(CACHE_MS);
    await Promise.all([census.refresh(), census.refresh()]);
    expect(census.counts.get('suspended')).toBe(3);
  });

  it('are what was last known while the catalog is away, which is told, and are counted again when it is back', async () => {
    const { census, clock } = await taken();
    const known = [...census.counts];
    proxy.cut();
    try {
      clock.advance(CACHE_MS);
      await census.refresh();
      expect(census.lastFailure).toBeInstanceOf(Error);
      expect([...census.counts]).toEqual(known);
    } finally {
      proxy.mend();
    }
    await soon(async () => {
      clock.advance(CACHE_MS);
      await census.refresh();
      expect(census.lastFailure).toBeUndefined();
    });
  });

  it('are waited for a second at most when the catalog hangs, and asked for only once meanwhile', async () => {
    const { census, clock } = await taken();
    proxy.freeze();
    try {
      clock.advance(CACHE_MS);
      const queries = jest.spyOn(catalog, 'getRepository');
      await census.refresh();
      expect(census.lastFailure).toBeInstanceOf(DeadlineError);
      clock.advance(CACHE_MS);
      expect(await settlesAtOnce(census.refresh())).toBe(true);
      expect(queries).toHaveBeenCalledTimes(1);
      queries.mockRestore();
    } finally {
      proxy.thaw();
    }
  });
});
