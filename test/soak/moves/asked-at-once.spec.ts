import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient } from '../../support/admin/admin-client.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

/** Far beyond what operations take here, because the machine may be busy. */
const LONGEST_MS = 180_000;
const ROWS = 5;

let app: TestApp;
let other: TestApp;
let here: AdminClient;
let there: AdminClient;
let tenants = 0;

beforeAll(async () => {
  app = await TestApp.start();
  other = await TestApp.over(app.database);
  [here, there] = [new AdminClient(app), new AdminClient(other)];
});

afterAll(async () => {
  await other.stop();
  await app.dispose();
});

/** A new tenant with some customers. */
async function tenantIn(isolation: 'row' | 'schema' | 'database'): Promise<TestTenant> {
  const tenant = await app.provision(`asked-${(tenants += 1)}`, isolation);
  for (let n = 0; n < ROWS; n += 1) expect((await insert(tenant, `first-${n}`)).status).toBe(201);
  return tenant;
}

function insert({ apiKey }: TestTenant, name: string): Promise<Answer> {
  const body = { name, email: `${name}@example.com` };
  return app.call('/api/v1/customers', { method: 'POST', apiKey, body });
}

/** Asserts that both instances serve the tenant with all its rows, and that it can write. */
async function isWhole(tenant: TestTenant, written: string): Promise<void> {
  expect((await insert(tenant, written)).status).toBe(201);
  for (const instance of [app, other]) {
    const { body } = await instance.call('/api/v1/customers?limit=100', { apiKey: tenant.apiKey });
    const names = (body.items as Json[]).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([written, ...Array.from({ length: ROWS }, (_, n) => `first-${n}`)]));
    expect(new Set(names).size).toBe(names.length);
  }
}

const move = (client: AdminClient, { slug }: TestTenant, isolation: string): Promise<Answer> =>
  client.send('POST', `/tenants/${slug}/move`, { body: { isolation } });

const start = (client: AdminClient, body: object): Promise<Answer> => client.send('POST', '/operations', { body });

/** Waits until nothing is under way any more. @returns how the operations ended, by kind, oldest first */
async function ended({ id }: TestTenant): Promise<[kind: string, status: string][]> {
  for (const since = performance.now(); performance.now() - since < LONGEST_MS; await delay(100)) {
    const [left] = await app.database.admin<{ left: number }>(
      `SELECT count(*)::int AS left FROM operations WHERE status IN ('pending', 'running') AND run_after <= now()`,
    );
    if (left!.left > 0) continue;
    const { items } = (await here.get(`/operations?tenant=${id}`)).body;
    return (items as Json[]).map(({ kind, status }): [string, string] => [kind, status]).toReversed();
  }
  throw new Error('an operation has not ended');
}

async function placeOf({ slug }: TestTenant): Promise<Json> {
  const { isolation, status } = (await here.get(`/tenants/${slug}`)).body;
  return { isolation, status };
}

/** The operation is past the point at which the tenant's changes are noted, and has not switched. */
async function underWay(location: string | null): Promise<void> {
  for (const since = performance.now(); performance.now() - since < LONGEST_MS; await delay(20)) {
    const { steps } = (await here.get(location ?? '')).body;
    if ((steps as Json[]).some(({ name, status }) => name === 'note-changes' && status === 'running')) return;
  }
  throw new Error('the move is not under way');
}

async function movesLeft({ id }: TestTenant): Promise<Json[]> {
  return app.database.admin('SELECT state FROM moves WHERE tenant_id = $1', [id]);
}

describe('of two requests at once,', () => {
  it(
    'two moves of a tenant to different places, one is refused and the other one done',
    async () => {
      const tenant = await tenantIn('row');
      const answers = await Promise.all([move(here, tenant, 'schema'), move(there, tenant, 'database')]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409]);
      const winner = answers[0].status === 202 ? 'schema' : 'database';
      expect(await ended(tenant)).toEqual(expect.arrayContaining([['move', 'succeeded']]));
      expect(await placeOf(tenant)).toEqual({ isolation: winner, status: 'active' });
      await isWhole(tenant, 'after');
    },
    LONGEST_MS,
  );

  it.each(['rotate-credentials', 'delete'])(
    'a move and an operation %s, one is refused and the other one done',
    async (kind) => {
      const tenant = await tenantIn('database');
      const path = `/tenants/${tenant.slug}?graceSeconds=0`;
      const ask = kind === 'delete' ? there.send('DELETE', path) : start(there, { kind, tenant: tenant.slug });
      const [moving, asked] = await Promise.all([move(here, tenant, 'row'), ask]);
      expect([moving.status, asked.status].toSorted((a, b) => a - b)).toEqual([202, 409]);
      const operations = await ended(tenant);
      expect(operations.map(([, status]) => status)).toEqual(operations.map(() => 'succeeded'));
      if (kind === 'delete' && asked.status === 202) {
        expect((await here.get(`/tenants/${tenant.slug}`)).status).toBe(404);
        expect(await movesLeft(tenant)).toEqual([]);
        return;
      }
      const isolation = moving.status === 202 ? 'row' : 'database';
      expect(await placeOf(tenant)).toEqual({ isolation, status: 'active' });
      await isWhole(tenant, 'after');
    },
    LONGEST_MS,
  );

  it(
    'a move and a suspension, the move is refused, or the suspended tenant is moved as a whole',
    async () => {
      const tenant = await tenantIn('row');
      const [moving, suspended] = await Promise.all([
        move(here, tenant, 'schema'),
        there.send('POST', `/tenants/${tenant.slug}/suspend`),
      ]);
      expect([[202, 409].includes(moving.status), suspended.status]).toEqual([true, 200]);
      await ended(tenant);
      const isolation = moving.status === 202 ? 'schema' : 'row';
      expect(await placeOf(tenant)).toEqual({ isolation, status: 'suspended' });
      expect((await there.send('POST', `/tenants/${tenant.slug}/resume`)).status).toBe(200);
      await isWhole(tenant, 'after');
    },
    LONGEST_MS,
  );

  it(
    'a move and a fleet migration that its tables need, the move is refused, or it follows the migration',
    async () => {
      const tenant = await tenantIn('schema');
      const { database, schema, schemaVersion } = (await here.get(`/tenants/${tenant.slug}`)).body;
      await asSuperuser(database, `DROP TABLE "${schema}".order_lines, "${schema}".orders`);
      await asSuperuser(database, `DELETE FROM "${schema}".schema_migrations WHERE name ~ 'Orders'`);
      await app.database.admin(
        `UPDATE tenants SET schema_version = 'CreateOrders1764000001000', migration_set = NULL WHERE id = $1`,
        [tenant.id],
      );
      const [moving, migrating] = await Promise.all([
        move(here, tenant, 'database'),
        start(there, { kind: 'migrate', tenants: [tenant.slug] }),
      ]);
      expect([moving.status, migrating.status]).toEqual([202, 202]);
      const [, moved] = await ended(tenant);
      const { error } = (await here.get(moving.headers.get('location') ?? '')).body;
      const expected = moved?.[1] === 'succeeded' ? null : expect.objectContaining({ code: 'MOVE_REFUSED' });
      expect(error).toEqual(expected);
      expect(await placeOf(tenant)).toEqual({ isolation: error ? 'schema' : 'database', status: 'active' });
      if (error) expect(await movesLeft(tenant)).toEqual([]);
      expect((await here.get(migrating.headers.get('location') ?? '')).body.status).toBe('succeeded');
      expect((await here.get(`/tenants/${tenant.slug}`)).body.schemaVersion).toBe(schemaVersion);
      await isWhole(tenant, 'after');
    },
    LONGEST_MS,
  );
});

describe('while a move is under way,', () => {
  it(
    'other operations on the tenant are refused, a suspension is not, and the tenant arrives as a whole',
    async () => {
      const tenant = await tenantIn('database');
      const requested = await move(here, tenant, 'schema');
      await underWay(requested.headers.get('location'));
      const refused = await Promise.all([
        move(there, tenant, 'row'),
        there.send('POST', `/tenants/${tenant.slug}/move/back`),
        there.send('POST', `/tenants/${tenant.slug}/move/finish`),
        there.send('DELETE', `/tenants/${tenant.slug}?graceSeconds=0`),
        start(there, { kind: 'rotate-credentials', tenant: tenant.slug }),
      ]);
      expect(refused.map(({ body }) => body.code)).toEqual(refused.map(() => 'CONFLICT'));
      expect((await there.send('POST', `/tenants/${tenant.slug}/suspend`)).status).toBe(200);
      expect(await ended(tenant)).toEqual([
        ['provision', 'succeeded'],
        ['move', 'succeeded'],
      ]);
      expect(await placeOf(tenant)).toEqual({ isolation: 'schema', status: 'suspended' });
      expect((await there.send('POST', `/tenants/${tenant.slug}/resume`)).status).toBe(200);
      await isWhole(tenant, 'after');
      expect((await here.send('POST', `/tenants/${tenant.slug}/move/finish`)).status).toBe(202);
      await ended(tenant);
      expect(await movesLeft(tenant)).toEqual([]);
      await isWhole(tenant, 'finished');
    },
    LONGEST_MS,
  );

  it(
    'a rotation of the login role that it leaves, or comes to, does no harm',
    async () => {
      const tenant = await tenantIn('row');
      const requested = await move(here, tenant, 'schema');
      await underWay(requested.headers.get('location'));
      expect((await start(there, { kind: 'rotate-credentials', server: 'default' })).status).toBe(202);
      expect(await ended(tenant)).toEqual(expect.arrayContaining([['move', 'succeeded']]));
      expect(await placeOf(tenant)).toEqual({ isolation: 'schema', status: 'active' });
      await isWhole(tenant, 'after');
    },
    LONGEST_MS,
  );
});

describe('a move that is asked for', () => {
  it.each([
    ['suspended', 'POST', 'suspend'],
    ['in maintenance', 'PUT', 'maintenance'],
    ['being deleted after a grace period', 'DELETE', ''],
  ])('while the tenant is %s is refused, and nothing has changed', async (_, method, path) => {
    const tenant = await tenantIn('row');
    expect((await there.send(method, `/tenants/${tenant.slug}${path && `/${path}`}`)).status).toBeLessThan(300);
    expect((await move(here, tenant, 'schema')).body.code).toBe('CONFLICT');
    expect(await movesLeft(tenant)).toEqual([]);
    const { body } = await here.get(`/operations?tenant=${tenant.id}&kind=move`);
    expect(body.items).toEqual([]);
  });
});
