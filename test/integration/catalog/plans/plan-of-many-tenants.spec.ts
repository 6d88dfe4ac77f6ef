import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { DEFAULT_SERVER } from '../../../../src/catalog/catalog-target.js';
import { TenantEntity, toTenant } from '../../../../src/catalog/entities/tenant.entity.js';
import { CatalogChangeFeed } from '../../../../src/catalog/feed/catalog-change-feed.js';
import { type CatalogEvent, CatalogEvents } from '../../../../src/catalog/feed/catalog-events.js';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import { PlanList } from '../../../../src/catalog/plans/plan-list.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { SettingsReader } from '../../../../src/tenant/settings/settings-reader.js';
import { soon } from '../../../support/load/soon.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';

const TENANTS = 1_000;

let database: TestDatabase;
let catalog: DataSource;
let feed: CatalogChangeFeed;
let plans: PlanList;
let reader: SettingsReader;
let tenants: readonly Tenant[];
const received: CatalogEvent[] = [];
let queries = 0;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  const target = targetOfUrl(database.url, DEFAULT_SERVER);
  catalog = await openCatalog(target, POOL_OPTIONS);
  await catalog.query(`INSERT INTO tenant_plans (name, features) VALUES ('pro', '{"reports": false}')`);
  await catalog.query(
    `INSERT INTO tenants (slug, isolation, plan, features)
     SELECT 't' || n, 'row', 'pro', CASE n WHEN 7 THEN '{"reports": false}'::jsonb ELSE '{}' END FROM generate_series(1, $1) n`,
    [TENANTS],
  );
  const events = new CatalogEvents();
  events.subscribe('health', (event) => void received.push(event));
  const query = (text: string): Promise<unknown> => {
    queries += 1;
    return catalog.query(text);
  };
  plans = new PlanList({ query } as never, events);
  feed = new CatalogChangeFeed({ pool: POOL_OPTIONS } as unknown as AppConfig, target, catalog, events);
  await feed.onModuleInit();
  await plans.onModuleInit();
  reader = new SettingsReader({ featureFlags: { reports: true } }, { tenantFeatures: {} }, plans);
  tenants = (await catalog.getRepository(TenantEntity).find({ order: { slug: 'ASC' } })).map(toTenant);
});

afterAll(async () => {
  await feed.close();
  await catalog.destroy();
  await database.drop();
});

const enabled = async (): Promise<number> => {
  const all = await Promise.all(tenants.map((tenant) => reader.read(tenant)));
  return all.filter(({ features }) => features.isEnabled('reports' as never)).length;
};

it('a change of a plan is one notification and one query of an instance, and holds for all of its 1,000 tenants', async () => {
  expect([tenants.length, await enabled()]).toEqual([TENANTS, 0]);
  const before = await Promise.all(tenants.map((tenant) => reader.read(tenant)));
  received.length = 0;
  queries = 0;
  await database.admin(`UPDATE tenant_plans SET features = '{"reports": true}' WHERE name = 'pro'`);
  await soon(async () => expect(await enabled()).toBe(TENANTS - 1));
  expect(before.filter((effective, n) => reader.isCurrent(effective, tenants[n]!))).toEqual([]);
  expect(received).toEqual([expect.objectContaining({ kind: 'change', plan: 'pro' })]);
  expect(queries).toBe(1);
  const [{ raised }] = await catalog.query<[{ raised: number }]>(
    'SELECT count(*)::int AS raised FROM tenants WHERE version <> 1',
  );
  expect(raised).toBe(0);
});

it('a plan of tenants cannot be deleted, and a renamed one is a change of its tenants', async () => {
  await expect(catalog.query(`DELETE FROM tenant_plans WHERE name = 'pro'`)).rejects.toThrow('tenants_plan_fkey');
  received.length = 0;
  await catalog.query(`UPDATE tenant_plans SET name = 'team' WHERE name = 'pro'`);
  await soon(async () => expect(received.length).toBe(TENANTS + 1));
  const [{ count }] = await catalog.query<[{ count: number }]>(
    `SELECT count(*)::int AS count FROM tenants WHERE plan = 'team' AND version = 2`,
  );
  expect(count).toBe(TENANTS);
});
