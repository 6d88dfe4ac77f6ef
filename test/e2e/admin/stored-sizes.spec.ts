import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { StoredSizes } from '../../../src/admin/stored-sizes/stored-sizes.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { type Json, TestApp, type TestTenant } from '../../support/test-app.js';

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

it('is not there before it was measured', async () => {
  expect(await sizeOf('acme')).toMatchObject({ status: 404, code: 'NOT_FOUND' });
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
