import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { ensureGateObjects } from '../../../../../src/database/gates/gate-objects.js';
import { AdminClient } from '../../../../support/admin/admin-client.js';
import { asSuperuser } from '../../../../support/postgres/postgres.js';
import { type Json, TestApp, type TestTenant } from '../../../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
let row: TestTenant;
let schema: TestTenant;
let shared: string;
let owner: pg.Client;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  row = await app.provision('acme', 'row');
  schema = await app.provision('globex', 'schema');
  const [target] = await app.database.admin<{ database: string }>('SELECT database FROM connection_targets');
  shared = target!.database;
  const url = new URL(app.database.url);
  url.pathname = `/${shared}`;
  owner = new pg.Client({ connectionString: url.href });
  await owner.connect();
  await ensureGateObjects(owner);
});

afterAll(async () => {
  await owner.end();
  await app.dispose();
});

async function findings(check: string): Promise<Json[]> {
  const { body } = await admin.send('GET', '/doctor');
  return body.findings.filter((finding: Json) => finding.check === check && finding.verdict !== 'ok');
}

it('names rows in shared tables whose tenant the catalog does not have, and their tables', async () => {
  expect(await findings('unknown-tenants')).toEqual([]);
  const lost = '00000000-0000-4000-8000-00000000abcd';
  await asSuperuser(
    shared,
    `INSERT INTO shared.customers (tenant_id, name, email) VALUES ('${lost}', 'A', 'a@example.com'), ('${lost}', 'B', 'b@example.com')`,
  );
  expect(await findings('unknown-tenants')).toEqual([
    expect.objectContaining({
      verdict: 'warn',
      subject: `default/${shared}`,
      message: `rows of tenant ${lost}, which the catalog does not have: shared.customers`,
      remedy: expect.stringContaining(`WHERE tenant_id = '${lost}'`),
    }),
  ]);
  await asSuperuser(shared, `DELETE FROM shared.customers WHERE tenant_id = '${lost}'`);
});

it('names tables on which moves have left disabled triggers, and what drops them', async () => {
  expect(await findings('leftovers')).toEqual([]);
  await disabledTrigger('tenantry_move_1_insert');
  const [finding] = await findings('leftovers');
  expect(finding).toMatchObject({
    verdict: 'warn',
    subject: `default/${shared}`,
    message: 'ended moves have left disabled triggers, which slow writes down, on shared.customers: 1',
  });
  const [, sql] = /^in psql, while these tables are not read: (.*) \\gexec$/.exec(finding.remedy) ?? [];
  const [drop] = await asSuperuser<{ format: string }>(shared, sql ?? '');
  await asSuperuser(shared, drop?.format ?? '');
  expect(await findings('leftovers')).toEqual([]);
});

async function disabledTrigger(name: string): Promise<void> {
  await asSuperuser(
    shared,
    `CREATE TRIGGER ${name} AFTER INSERT ON shared.customers FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  );
  await asSuperuser(shared, `ALTER TABLE shared.customers DISABLE TRIGGER ${name}`);
}

it('says where the rows of a tenant are when the catalog has lost its move, and what to do', async () => {
  expect(await findings('moved-rows')).toEqual([]);
  const gate = (tenant: TestTenant, place: string, state: string): Promise<unknown> =>
    owner.query('INSERT INTO tenantry_isolation.gates (tenant_id, schema, state) VALUES ($1, $2, $3)', [
      tenant.id,
      place,
      state,
    ]);
  await gate(row, 'shared', 'closed');
  await gate(schema, `t_${schema.id.replaceAll('-', '')}`, 'arriving');
  expect((await findings('moved-rows'))[1].remedy).toBe('restore it from a backup');
  await app.database.admin(
    `INSERT INTO moves (tenant_id, operation_id, state, from_isolation, from_target_id, from_schema, to_isolation, to_target_id, to_schema)
     SELECT id, gen_random_uuid(), 'moved', 'row', target_id, 'shared', 'schema', target_id, schema_name FROM tenants`,
  );
  expect((await findings('moved-rows')).map(({ remedy }) => remedy)).toEqual([
    'tenants move-back acme',
    'tenants move-back globex',
  ]);
  await app.database.admin(`DELETE FROM moves`);
  const lost = await findings('moved-rows');
  expect(lost.map(({ subject, verdict }) => [subject, verdict])).toEqual([
    ['acme', 'fail'],
    ['globex', 'fail'],
  ]);
  expect(lost[0].message).toContain('a place that the catalog has lost');
  await gate(row, `t_${row.id.replaceAll('-', '')}`, 'open');
  const [found] = await findings('moved-rows');
  expect(found).toMatchObject({ subject: 'acme', remedy: 'tenants move acme --isolation schema --server default' });
  expect(found.message).toContain(`default/${shared}, schema t_${row.id.replaceAll('-', '')}`);
  await owner.query('DELETE FROM tenantry_isolation.gates');
  expect(await findings('moved-rows')).toEqual([]);
});
