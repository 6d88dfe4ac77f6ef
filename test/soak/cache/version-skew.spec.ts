import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newestMigration } from '../../../src/database/table-migrations/versions/migration-names.js';
import {
  TENANT_SCHEMA,
  type TenantSchema,
} from '../../../src/database/table-migrations/tenant-schema/tenant-schema.js';
import { TenantConnectionService } from '../../../src/tenant/context/tenant-connection.service.js';
import { TenantLookup } from '../../../src/tenant/directory/tenant-lookup.js';
import { soon } from '../../support/load/soon.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

const DETAIL = "this tenant's tables are being brought up to date";

let app: TestApp;
let acme: TestTenant;
let umbrella: TestTenant;
let connections: TenantConnectionService;

beforeAll(async () => {
  app = await TestApp.start();
  acme = await app.provision('acme', 'row');
  umbrella = await app.provision('umbrella', 'row');
  connections = app.application.nest.get(TenantConnectionService);
});

afterAll(() => app.dispose());

beforeEach(async () => {
  await record(newestMigration(app.application.nest.get<TenantSchema>(TENANT_SCHEMA).migrations));
  await soon(async () => expect((await list(acme)).status).toBe(200));
});

const list = (tenant: TestTenant): ReturnType<TestApp['call']> => app.call('/api/v1/orders', { apiKey: tenant.apiKey });

async function record(version: string): Promise<void> {
  await app.database.admin('UPDATE tenants SET schema_version = $1 WHERE id = $2', [version, acme.id]);
}

describe("a tenant whose tables are older than this instance's code", () => {
  it('is rejected with TENANT_UNAVAILABLE until it is migrated, without affecting other tenants', async () => {
    await record('CreateCustomers1764000000000');
    await soon(async () => {
      const { status, body, headers } = await list(acme);
      expect([status, body.code, body.detail, headers.has('retry-after')]).toEqual([
        ...[503, 'TENANT_UNAVAILABLE', DETAIL, true],
      ]);
    });
    expect((await list(umbrella)).status).toBe(200);
  });

  it('is rejected in jobs as well, and by a data source obtained earlier', async () => {
    const dataSource = await connections.run('acme', async () => connections.dataSource(acme));
    await record('CreateCustomers1764000000000');
    await soon(async () => {
      await expect(connections.run('acme', () => Promise.resolve())).rejects.toMatchObject({ message: DETAIL });
    });
    await expect(dataSource.query('SELECT 1')).rejects.toMatchObject({ message: DETAIL });
  });
});

it('a tenant whose tables are newer than the code is served', async () => {
  await record('AddColours9999999999999');
  const lookup = app.application.nest.get(TenantLookup);
  await soon(async () => expect((await lookup.bySlug('acme'))?.schemaVersion).toBe('AddColours9999999999999'));
  expect((await list(acme)).status).toBe(200);
  expect(await connections.run('acme', () => Promise.resolve('served'))).toBe('served');
});
