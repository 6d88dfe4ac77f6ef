import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
let tenant: TestTenant;

beforeAll(async () => {
  app = await TestApp.start();
  tenant = await app.provision('restored', 'database');
}, 60_000);

afterAll(async () => {
  printFaultRow({
    fault: 'a tenant in database isolation is deleted and restored from a backup by hand, with its ids',
    callers: '401 while it is deleted, then 200',
    probes: 'ready 200',
    operators: 'nothing',
    lasts: 'until the catalog has it again, without a restart',
  });
  await app.dispose();
});

const status = async (): Promise<number> => (await app.call('/api/v1/orders', { apiKey: tenant.apiKey })).status;

it('is served as soon as the catalog has it again', async () => {
  expect(await status()).toBe(200);
  await app.database.admin(`
    CREATE TABLE saved_targets AS SELECT * FROM connection_targets WHERE kind = 'dedicated';
    CREATE TABLE saved_tenants AS SELECT * FROM tenants; CREATE TABLE saved_keys AS SELECT * FROM api_keys;
    DELETE FROM tenants; DELETE FROM connection_targets WHERE kind = 'dedicated'`);
  await soon(async () => expect(await status()).toBe(401));
  await app.database.admin(`
    INSERT INTO connection_targets SELECT * FROM saved_targets; INSERT INTO tenants SELECT * FROM saved_tenants;
    INSERT INTO api_keys SELECT * FROM saved_keys`);
  await soon(async () => expect(await status()).toBe(200));
});
