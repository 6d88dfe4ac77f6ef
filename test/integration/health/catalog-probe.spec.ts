import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { CatalogProbe } from '../../../src/health/catalog-probe.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { soon } from '../../support/load/soon.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ownerTarget } from '../../support/tables/migration-fixture.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

let database: TestDatabase;
let target: ConnectionTarget;

beforeAll(async () => {
  database = await createTestDatabase('owner');
  target = ownerTarget(database.name);
});

afterAll(() => database.drop());

async function connections(): Promise<number> {
  const rows = await asSuperuser(
    'postgres',
    `SELECT FROM pg_stat_activity WHERE ${isNamedFor('health')} AND datname = $1`,
    [database.name],
  );
  return rows.length;
}

it('a probe of the catalog leaves no connection when it is closed while it connects', async () => {
  const probe = new CatalogProbe({ pool: POOL_OPTIONS } as unknown as AppConfig, target);
  const check = probe.check().catch((error: unknown) => error);
  await probe.close();
  expect(await check).toBeInstanceOf(Error);
  await soon(async () => expect(await connections()).toBe(0));
});

it('a probe of the catalog that is closed opens no connection any more', async () => {
  const probe = new CatalogProbe({ pool: POOL_OPTIONS } as unknown as AppConfig, target);
  await probe.check();
  expect(await connections()).toBe(1);
  await probe.close();
  await expect(probe.check()).rejects.toThrow('the probe of the catalog is closed');
  await soon(async () => expect(await connections()).toBe(0));
});
