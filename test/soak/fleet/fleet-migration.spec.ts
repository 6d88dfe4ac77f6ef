import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { sampleSchema } from '../../support/sample-schema.js';
import { Fleet, KEY } from '../../support/fleet/fleet.js';
import { asSuperuser, testServer } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, type Json } from '../../support/test-app.js';

const [CUSTOMERS, ORDERS] = ['CreateCustomers1764000000000', 'CreateOrders1764000001000'];
const COUNTRIES = 'CreateCountries1764000002000';
const SLUGS = ['m1', 'm2', 'm3', 'm4', 'm5'];

let fleet: Fleet;
let service: Service;

/** Made by code that knew customers only; served by code that needs orders, too. */
beforeAll(async () => {
  fleet = await Fleet.create();
  const old = await fleet.instance(sampleSchema.migrations.slice(0, 1));
  for (const slug of SLUGS) await old.provision(slug, 'schema');
  service = await start();
});
afterAll(async () => {
  await service.stop();
  await fleet.dispose();
});

function start(): Promise<Service> {
  return Service.start({ DATABASE_URL: fleet.database.url, ENCRYPTION_KEYS: `test:${KEY}` });
}

async function call(method: string, path: string, body?: unknown, apiKey: string | null = ADMIN_KEY) {
  const response = await fetch(`${service.url}/admin/v1${path}`, {
    method,
    headers: {
      ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Json };
}

async function versions(): Promise<(string | null)[]> {
  return (await fleet.tenants()).map(({ version }) => version);
}

/** What a tenant's long transaction does to a migration that wants to refer to its customers. */
async function holdCustomers(slug: string): Promise<pg.Client> {
  const [place] = await fleet.database.admin<{ database: string; schema: string }>(
    `SELECT database, schema_name AS schema FROM tenants t JOIN connection_targets c ON c.id = t.target_id
     WHERE slug = $1`,
    [slug],
  );
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  const client = new pg.Client({ host, port, user, password, database: place!.database });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE "${place!.schema}".customers IN ROW EXCLUSIVE MODE`);
  return client;
}

describe('the fleet migration preview', () => {
  it('shows the SQL that would run, and changes nothing', async () => {
    const { status, body } = await call('POST', '/migrations/preview', {});
    expect([status, body.to, body.tenants, body.units]).toEqual([200, COUNTRIES, 5, 5]);
    expect(body.versions).toMatchObject([
      { from: CUSTOMERS, tenants: 5, servers: [{ server: 'default', units: 5 }], failure: null },
    ]);
    expect(body.versions[0].migrations[0].migration).toBe(ORDERS);
    expect(body.versions[0].migrations[0].sql.join('\n')).toContain('CREATE TABLE "orders"');
    expect(await versions()).toEqual(SLUGS.map(() => CUSTOMERS));
  });

  it('requires the admin key', async () => {
    const tenantKey = `tnt_${'a'.repeat(16)}_${'b'.repeat(43)}`;
    for (const apiKey of [null, 'wrong', tenantKey]) {
      expect((await call('POST', '/migrations/preview', {}, apiKey)).status).toBe(401);
    }
  });

  it.each([
    ['an unknown field', { sql: 'DROP TABLE tenants' }],
    ['names that are none', { tenants: ["m1'; DROP TABLE tenants; --", 'ｍ1', ''] }],
    ['an unknown tenant', { tenants: ['nobody'] }],
    ['too many names', { tenants: Array.from({ length: 1_001 }, (_, n) => `t${n}`) }],
    ['no time to wait', { lockTimeoutMs: 0 }],
    ['no object', '[]'],
    ['no JSON', '{'],
  ])('rejects %s', async (_what, body) => {
    expect((await call('POST', '/migrations/preview', body)).status).toBe(400);
  });
});

describe('a request to migrate', () => {
  it.each([
    ['more at once than there are connections', { parallelism: 5 }],
    ['no wave', { waveSize: 0 }],
    ['both kinds of canaries', { canary: { count: 1, tenants: ['m1'] } }],
    ['canaries that are not among the tenants', { tenants: ['m1'], canary: { tenants: ['m2'] } }],
    ['a message that cannot be stored', { message: 'a\0b' }],
    ['another way to fail', { onFailure: 'drop' }],
  ])('with %s is rejected', async (_what, fields) => {
    const { status, body } = await call('POST', '/operations', { kind: 'migrate', ...fields });
    expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(await versions()).toEqual(SLUGS.map(() => CUSTOMERS));
  });
});

describe('the fleet migration', () => {
  it('resumes on another instance when its own is killed, and migrates every tenant once', async () => {
    const customers = await holdCustomers('m3');
    const asked = await call('POST', '/operations', { kind: 'migrate', parallelism: 1, lockTimeoutMs: 30_000 });
    expect([asked.status, asked.body.subject]).toEqual([202, 'fleet']);
    expect((await call('POST', '/operations', { kind: 'migrate' })).status).toBe(409);
    const path = `/operations/${asked.body.id}`;
    await soon(async () => expect(await versions()).toEqual([COUNTRIES, COUNTRIES, CUSTOMERS, CUSTOMERS, CUSTOMERS]));
    await service.kill();
    await customers.query('COMMIT');
    await customers.end();
    service = await start();
    await soon(async () => expect((await call('GET', path)).body.status).toBe('succeeded'));
    const { body: operation } = await call('GET', path);
    expect(operation.result).toMatchObject({ units: 5, migrated: 5, failed: 0, remaining: 0, tenants: 5 });
    expect(await versions()).toEqual(SLUGS.map(() => COUNTRIES));
    const { body: results } = await call('GET', `${path}/tenants`);
    expect(results.items.map((item: Json) => [item.slug, item.status, item.toVersion]).toSorted()).toEqual(
      SLUGS.map((slug) => [slug, 'succeeded', COUNTRIES]),
    );
    expect(await recordedTwice()).toEqual([]);
  });
});

/** Schemas in which a migration is recorded more than once. */
async function recordedTwice(): Promise<unknown[]> {
  const places = await fleet.database.admin<{ database: string; schema: string }>(
    `SELECT database, schema_name AS schema FROM tenants t JOIN connection_targets c ON c.id = t.target_id`,
  );
  const found = places.map(({ database, schema }) =>
    asSuperuser(database, `SELECT name FROM "${schema}".schema_migrations GROUP BY name HAVING count(*) > 1`),
  );
  return (await Promise.all(found)).flat();
}
