import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../../support/admin/admin-client.js';
import { Cli } from '../../../support/cli/cli.js';
import { soon } from '../../../support/load/soon.js';
import { registerServer } from '../../../support/postgres/other-server.js';
import { testServer } from '../../../support/postgres/postgres.js';
import { type Answer, type Json, TestApp } from '../../../support/test-app.js';

/** Where each tenant is, or is going to be. */
const PLACED = `
  SELECT t.id, s.name FROM tenants t LEFT JOIN connection_targets c ON c.id = t.target_id
    JOIN servers s ON s.id = coalesce(c.server_id, t.planned_server_id)`;

let app: TestApp;
let admin: AdminClient;
let count = 0;

/** Nothing answers at the other servers: what is placed there is not provisioned, and counts all the same. */
beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  await set('default', { maxConnections: 50 });
  for (const name of ['eu-1', 'eu-2', 'us-1']) {
    await registerServer(app, name, { ...testServer(), port: 1 });
    await set(name, { labels: { region: name.slice(0, 2) }, maxConnections: 50 });
  }
});

afterAll(async () => app.dispose());

afterEach(async () => {
  await app.database.admin("DELETE FROM operations WHERE status <> 'succeeded'");
  await app.database.admin(`DELETE FROM tenants WHERE id IN (SELECT id FROM (${PLACED}) p WHERE name <> 'default')`);
  for (const name of ['default', 'eu-1', 'eu-2', 'us-1']) await set(name, { maxTenants: null, maxBytes: null });
});

async function set(server: string, change: object): Promise<void> {
  expect((await admin.send('PATCH', `/servers/${server}`, { body: change })).status).toBe(200);
}

function create(options: object): Promise<Answer> {
  const slug = `placed-${(count += 1)}`;
  return admin.send('POST', '/tenants', { body: { slug, isolation: 'schema', ...options } });
}

/** How many tenants each server was given, by name. */
async function placed(): Promise<Readonly<Record<string, number>>> {
  const rows = await app.database.admin<{ name: string; tenants: number }>(
    `SELECT name, count(*)::int AS tenants FROM (${PLACED}) p GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ name, tenants }) => [name, tenants]));
}

it("without a server and without labels, a tenant is on the catalog's server, though others have more room", async () => {
  const answers = await Promise.all(Array.from({ length: 3 }, () => create({ isolation: 'row' })));
  for (const answer of answers)
    expect(await admin.ended(answer.headers.get('location'))).toMatchObject({ status: 'succeeded' });
  const { slug } = answers[0]!.body.tenant;
  expect((await admin.get(`/tenants/${slug}`)).body).toMatchObject({ server: 'default', placement: null });
  expect(await placed()).toEqual({ default: 3 });
});

it('a tenant that asks for labels gets the server with the most room that has them, and keeps the wish', async () => {
  const answers: Json[] = [];
  for (let n = 0; n < 6; n += 1) answers.push(await create({ placement: { region: 'eu' } }));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 202));
  expect(answers[0].body.tenant.placement).toEqual({ region: 'eu' });
  expect(await placed()).toMatchObject({ 'eu-1': 3, 'eu-2': 3 });
  const { slug } = answers[0].body.tenant;
  const { items } = (await admin.get(`/audit?subject=${slug}&limit=1`)).body;
  expect(items[0].after).toMatchObject({ server: 'eu-1', placement: { region: 'eu' } });
  const changed = await admin.send('PATCH', `/tenants/${slug}`, { body: { placement: null } });
  expect(changed).toMatchObject({ status: 200, body: { placement: null } });
});

it('where no server fits, the refusal counts why, and nothing is created; a server that is named must have the labels', async () => {
  await set('us-1', { maxTenants: 0 });
  const refused = await create({ placement: { region: 'us' } });
  expect(refused).toMatchObject({
    status: 409,
    body: {
      code: 'NO_SERVER_WITH_ROOM',
      detail: 'no server has room for the tenant: of 4, 3 lack the labels, 1 has as many tenants as allowed',
    },
  });
  expect(await create({ server: 'us-1' })).toMatchObject({
    status: 409,
    body: { code: 'NO_SERVER_WITH_ROOM', detail: 'the server has no room for the tenant: 0 of at most 0 tenants' },
  });
  expect(await create({ server: 'eu-1', placement: { region: 'us' } })).toMatchObject({
    ...{ status: 409, body: { code: 'CONFLICT', detail: expect.stringContaining('lacks region=us') } },
  });
  expect(await create({ placement: { Region: 'us' } })).toMatchObject({ status: 400 });
  expect(await placed()).not.toHaveProperty('us-1');
  expect((await create({ server: 'eu-1', placement: { region: 'eu' } })).status).toBe(202);
});

it('creations at the same time are spread, and exceed no capacity, whether the server was chosen or named', async () => {
  await set('eu-1', { maxTenants: 4 });
  await set('eu-2', { maxTenants: 9 });
  const asked = Array.from({ length: 24 }, (_, n) =>
    create(n % 6 === 0 ? { server: 'eu-1' } : { placement: { region: 'eu' } }),
  );
  const answers = await Promise.all(asked);
  const created = answers.filter(({ status }) => status === 202);
  expect(created).toHaveLength(13);
  expect(new Set(answers.filter((answer) => !created.includes(answer)).map(({ body }) => body.code))).toEqual(
    new Set(['NO_SERVER_WITH_ROOM']),
  );
  expect(await placed()).toMatchObject({ 'eu-1': 4, 'eu-2': 9 });
});

it('many tenants of one request are placed one after another; each that has no room is named', async () => {
  await set('eu-1', { maxTenants: 5 });
  await set('eu-2', { maxTenants: 10 });
  const tenants = Array.from({ length: 16 }, (_, n) => ({
    ...{ slug: `many-${n}`, isolation: 'schema', placement: { region: 'eu' } },
  }));
  const refused = await admin.send('POST', '/tenants/bulk', { body: { tenants } });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: 'tenants.15.placement' }] } });
  expect(refused.body.errors[0].message).toContain('2 have as many tenants as allowed');
  expect(await placed()).not.toHaveProperty('eu-1');
  expect((await admin.send('POST', '/tenants/bulk', { body: { tenants: tenants.slice(1) } })).status).toBe(202);
  expect(await placed()).toMatchObject({ 'eu-1': 5, 'eu-2': 10 });
  expect((await admin.get('/tenants/many-5')).body).toMatchObject({ placement: { region: 'eu' } });
});

it('a move goes neither to a server without the labels that the tenant wants, nor to a full one, and a preview says so', async () => {
  const { slug } = await admin.create('wishing', 'row');
  await admin.send('PATCH', `/tenants/${slug}`, { body: { placement: { region: 'us' } } });
  const move = (server: string, path = 'move'): Promise<Answer> =>
    admin.send('POST', `/tenants/${slug}/${path}`, { body: { server } });
  expect(await move('eu-1')).toMatchObject({ status: 409, body: { detail: expect.stringContaining('region=us') } });
  await app.database.admin(
    `INSERT INTO stored_sizes SELECT id, 1000, 1, false, now(), 0 FROM tenants WHERE slug = 'wishing'`,
  );
  await set('us-1', { maxBytes: 999 });
  expect(await move('us-1')).toMatchObject({ status: 409, body: { code: 'NO_SERVER_WITH_ROOM' } });
  expect((await move('us-1', 'move/preview')).body.obstacles[0]).toContain('0 of at most 999 bytes');
  await set('us-1', { maxBytes: 1000, maxTenants: 1 });
  expect((await move('us-1', 'move/preview')).body.obstacles).toEqual([expect.stringContaining('cannot be reached')]);

  // A move that has not begun yet, and never does.
  await app.database.admin(
    `INSERT INTO operations (kind, tenant_id, subject, input, steps, created_by, run_after)
     SELECT 'move', t.id, t.slug, jsonb_build_object('serverId', s.id), '{}', 'test', now() + interval '1 hour'
     FROM tenants t, servers s WHERE t.slug = $1 AND s.name = 'us-1'`,
    [slug],
  );
  for (const capacity of [
    { maxTenants: 1, maxBytes: null },
    { maxTenants: null, maxBytes: 1000 },
  ]) {
    await set('us-1', capacity);
    expect(await create({ server: 'us-1' })).toMatchObject({ status: 409, body: { code: 'NO_SERVER_WITH_ROOM' } });
  }
});

it('bytes count where the tenant is as soon as it is switched, not when they are summed up the next time', async () => {
  await set('us-1', { maxBytes: 1000 });
  const { slug } = await admin.create('switched', 'row');
  await app.database.admin(
    `INSERT INTO stored_sizes SELECT id, 1000, 1, false, now(), 0 FROM tenants WHERE slug = $1`,
    [slug],
  );
  expect((await create({ server: 'us-1' })).status).toBe(202);
  await app.database.admin(
    `WITH target AS (
       INSERT INTO connection_targets (server_id, kind, database, role, password_sealed)
       SELECT id, 'dedicated', 'by_hand', 'by_hand', 'sealed' FROM servers WHERE name = 'us-1' RETURNING id)
     UPDATE tenants SET target_id = target.id FROM target WHERE slug = $1`,
    [slug],
  );
  expect(await create({ server: 'us-1' })).toMatchObject({
    ...{ status: 409, body: { code: 'NO_SERVER_WITH_ROOM', detail: expect.stringContaining('1000 of at most 1000') } },
  });
});

it('moves from the fullest server are proposed with reasons and what they gain, the same on the command line, and requested', async () => {
  const preview = (await admin.get('/rebalance?goal=1.3')).body;
  expect(preview).toMatchObject({ goal: 1.3, reachesGoal: true, bytes: 3000, leastBytes: 2000 });
  expect(preview.fullest).toEqual({ before: 4, after: 1 });
  const [first, ...others] = preview.moves;
  expect(first).toMatchObject({
    tenant: 'wishing',
    from: 'default',
    to: 'us-1',
    bytes: 1000,
    reason: 'default lacks region=us',
  });
  expect(others).toHaveLength(2);
  expect(others[0].reason).toBe('default has 4.00 times its fair part');
  expect(preview.servers.map(({ server }: Json) => server)).toEqual(['default', 'eu-1', 'eu-2', 'us-1']);
  const cli = new Cli(app.env);
  expect(await cli.json('rebalance', '--dry-run', '--goal', '1.3')).toEqual(preview);
  expect((await cli.run('rebalance', '--dry-run')).stdout).toContain('default lacks region=us');
  expect((await cli.run('rebalance', '--goal', 'much')).code).not.toBe(0);
  for (const query of ['goal=0.5', 'goal=1e3', 'maxMoves=0', 'more=1'])
    expect(await admin.get(`/rebalance?${query}`)).toMatchObject({ status: 400 });
  await app.database.admin(`UPDATE tenants SET status = 'suspended' WHERE slug = 'wishing'`);
  expect((await admin.get('/rebalance')).body.moves.map(({ tenant }: Json) => tenant)).not.toContain('wishing');
  await app.database.admin(`UPDATE tenants SET status = 'active' WHERE slug = 'wishing'`);

  const body = { kind: 'rebalance', goal: 1.3, atOnce: 16 };
  const requested = await admin.send('POST', '/operations', { body });
  expect(requested.status).toBe(202);
  expect((await admin.send('POST', '/operations', { body })).status).toBe(409);
  await soon(async () => {
    const moves = await app.database.admin<{ to: string; tenant: string }>(
      `SELECT s.name AS to, t.slug AS tenant FROM operations o JOIN tenants t ON t.id = o.tenant_id
         JOIN servers s ON s.id::text = o.input ->> 'serverId' WHERE o.kind = 'move' AND o.created_by = 'operation ' || $1::text`,
      [requested.body.id],
    );
    const pairs = (list: readonly { to: string; tenant: string }[]): string[] =>
      list.map((m) => `${m.tenant} ${m.to}`).toSorted();
    expect(pairs(moves)).toEqual(pairs(preview.moves));
  });
  await app.database.admin('DELETE FROM operations; DELETE FROM moves');
});
