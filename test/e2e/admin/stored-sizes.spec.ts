import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StoredSizes } from '../../../src/admin/stored-sizes/stored-sizes.js';
import { driverError } from '../../../src/platform/postgres/driver-error.js';
import { TenantConnectionService } from '../../../src/tenant/context/tenant-connection.service.js';
import { TenantContext } from '../../../src/tenant/context/tenant-context.js';
import { TenantPool } from '../../../src/tenant/tenant-pool/tenant-pool.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
let acme: TestTenant;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  acme = await app.provision('acme', 'row');
  await app.provision('hooli', 'database');
  await addCustomers('acme', 50);
  await addCustomers('hooli', 20);
});

afterAll(() => app.dispose());

async function addCustomers(slug: string, count: number, from = 0): Promise<void> {
  const apiKey = await admin.issueKey(slug);
  for (let n = from; n < from + count; n += 1) {
    const answer = await app.call('/api/v1/customers', {
      method: 'POST',
      apiKey,
      body: { name: `customer ${n}`, email: `${n}@example.org` },
    });
    expect(answer.status).toBe(201);
  }
}

/** As if the time had come: the next round is due. */
async function runRound(): Promise<void> {
  await app.database.admin("UPDATE size_rounds SET next_at = now() - interval '1 second'");
  await app.application.nest.get(StoredSizes).runRound();
}

const sizeOf = async (slug: string): Promise<Json> => (await admin.get(`/tenants/${slug}/stored-size`)).body;

it('is not known before it was measured', async () => {
  const unknown = { bytes: null, rows: null, isEstimated: false, measuredAt: null };
  expect(await sizeOf('acme')).toEqual({ tenant: 'acme', ...unknown });
  expect((await admin.get('/tenants/nobody/stored-size')).status).toBe(404);
});

it('is measured for all tenants by a round, and shown with their usage, which idle tenants have once a day', async () => {
  await runRound();
  const [large, small] = [await sizeOf('acme'), await sizeOf('hooli')];
  expect([large.rows, small.rows, large.isEstimated]).toEqual([50, 20, false]);
  expect(large.bytes).toBeGreaterThan(small.bytes);
  const { items } = (await admin.get('/usage?by=day')).body;
  expect(items.map(({ tenant, storedBytes }: Json) => [tenant, storedBytes]).toSorted()).toEqual([
    ['acme', large.bytes],
    ['hooli', small.bytes],
  ]);
  const totals = (await admin.get('/usage/totals?by=day')).body.items;
  expect(totals.at(-1).storedBytes).toBe(large.bytes + small.bytes);
  expect((await admin.get('/usage/totals?by=hour')).body.items.at(-1).storedBytes).toBeNull();
  const csv = (await admin.send('GET', '/usage?by=day', { headers: { accept: 'text/csv' } })).text;
  expect(csv).toMatch(/^at,.*,storedBytes\r\n/);
  await app.database.admin("UPDATE usage_hours SET hour = hour - interval '1 hour'");
  await runRound();
  const rows = await app.database.admin('SELECT 1 FROM usage_hours WHERE hour >= date_trunc($1, now())', ['hour']);
  expect(rows).toEqual([]); // the same bytes on the same day
});

it('is held by one instance at a time, which another one follows where it has died', async () => {
  const { measuredAt } = await sizeOf('acme');
  const hold =
    "UPDATE size_rounds SET next_at = now(), holder = gen_random_uuid(), held_until = now() + interval '1 minute'";
  await app.database.admin(`${hold}, started_at = now(), target_id = $1, schema_name = ''`, [acme.targetId]);
  await app.application.nest.get(StoredSizes).runRound();
  expect((await sizeOf('acme')).measuredAt).toBe(measuredAt);
  await app.database.admin("UPDATE size_rounds SET held_until = now() - interval '1 second'");
  await app.application.nest.get(StoredSizes).runRound();
  expect((await sizeOf('acme')).measuredAt > measuredAt).toBe(true);
  const [round] = await app.database.admin<{ target_id: null; isLater: boolean }>(
    'SELECT target_id, next_at > now() AS "isLater" FROM size_rounds',
  );
  expect(round).toEqual({ target_id: null, isLater: true });
});

it('leaves out what cannot be reached, and goes on', async () => {
  const renamed = (from: string, to: string): Promise<Json> =>
    app.database.admin('UPDATE connection_targets SET database = $2 WHERE database = $1', [from, to]);
  const { database } = (await admin.get('/tenants/acme')).body;
  const before = [await sizeOf('acme'), await sizeOf('hooli')];
  await renamed(database, 'nowhere');
  await runRound();
  await renamed('nowhere', database);
  const after = [await sizeOf('acme'), await sizeOf('hooli')];
  expect(after.map(({ measuredAt }, n) => measuredAt > before[n].measuredAt)).toEqual([false, true]);
});

it('is measured at once for one tenant', async () => {
  const { measuredAt } = await sizeOf('hooli');
  await addCustomers('acme', 5, 1_000);
  const { status, body } = await admin.send('POST', '/tenants/acme/stored-size');
  expect([status, body.rows, body.isEstimated]).toEqual([200, 55, false]);
  expect([await sizeOf('acme'), (await sizeOf('hooli')).measuredAt]).toEqual([body, measuredAt]);
  expect((await admin.send('POST', '/tenants/nobody/stored-size')).status).toBe(404);
});

describe('the limit of stored bytes and rows', () => {
  const customers = '/api/v1/customers';
  const newCustomer = (n: number): object => ({ name: `late ${n}`, email: `late-${n}@example.org` });
  const work = <T>(run: () => Promise<T>): Promise<T> =>
    app.application.nest.get(TenantConnectionService).run('acme', run);
  const add = (n: number): Promise<Answer> =>
    app.call(customers, { method: 'POST', apiKey: acme.apiKey, body: newCustomer(n) });

  beforeAll(async () => {
    await admin.send('PATCH', '/tenants/acme', { body: { limits: { maxStoredRows: 55 } } });
    await soon(async () => expect((await add(1)).status).toBe(403));
  });

  it('refuses requests that add rows, and no others', async () => {
    const refused = await add(2);
    expect(refused.body).toMatchObject({ status: 403, code: 'STORAGE_LIMIT' });
    const listed = await app.call(`${customers}?limit=1`, { apiKey: acme.apiKey });
    expect(listed.status).toBe(200);
    const { id, version } = listed.body.items[0];
    const changed = await app.call(`${customers}/${id}`, {
      method: 'PATCH',
      apiKey: acme.apiKey,
      body: { name: 'Ann', version },
    });
    expect(changed.status).toBe(200);
    const metrics = (await app.call('/metrics', { apiKey: ADMIN_KEY })).text;
    expect(metrics).toMatch(/tenantry_storage_refused_total [1-9]/);
  });

  it('holds in transactions, batches, sessions, cursors and the pool of node-postgres', async () => {
    const connections = app.application.nest.get(TenantConnectionService);
    const pool = app.application.nest.get(TenantPool);
    const sql = "INSERT INTO customers (id, name, email) VALUES (gen_random_uuid(), 'x', 'x@example.org')";
    const ways = [
      () => connections.transaction((manager) => manager.query(sql)),
      () => connections.batch((batch) => [batch.query('SELECT 1'), batch.query(sql)]),
      () => connections.session((session) => session.query(sql)),
      () => pool.query(sql),
      () => app.application.nest.get(TenantContext).current().dataSource.query(sql),
    ];
    for (const way of ways) {
      const error = await work<unknown>(way).then(() => undefined, driverError);
      expect(error).toMatchObject({ code: 'STORAGE_LIMIT', exceeded: 'rows' });
    }
    expect(await work(() => connections.transaction((manager) => manager.query('SELECT 1 AS one')))).toEqual([
      { one: 1 },
    ]);
  });

  it('ends once the tenant has made room, soon after it tries again', async () => {
    await work(() => app.application.nest.get(TenantPool).query("DELETE FROM customers WHERE name LIKE 'customer 1%'"));
    await app.database.admin("UPDATE stored_sizes SET measured_at = now() - interval '1 minute'"); // as if that were a while ago
    await soon(async () => expect((await add(3)).status).toBe(201), 20_000);
    expect((await sizeOf('acme')).rows).toBeLessThan(55);
  });

  it("is a plan's as well, with the size of tenants in bytes", async () => {
    await admin.send('PATCH', '/tenants/acme', { body: { limits: { maxStoredBytes: 500 } } });
    await soon(async () => expect((await add(4)).body.code).toBe('STORAGE_LIMIT'));
    await admin.send('PATCH', '/tenants/acme', { body: { limits: {} } });
    await soon(async () => expect((await add(5)).status).toBe(201));
  });
});
