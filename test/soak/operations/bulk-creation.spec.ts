import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Answer, type Json, TestApp } from '../../support/test-app.js';
import { AdminClient } from '../../support/admin/admin-client.js';

const CUSTOMER = { name: 'Ada', email: 'ada@example.com' };

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
});

afterAll(async () => app.dispose());

function createAll(tenants: readonly object[], key?: string): Promise<Answer> {
  return admin.send('POST', '/tenants/bulk', {
    body: { tenants },
    ...(key !== undefined && { headers: { 'idempotency-key': key } }),
  });
}

async function outcomes({ id }: Json): Promise<Json[]> {
  return (await admin.get(`/operations/${id}/tenants?limit=1000`)).body.items;
}

async function serves(slug: string): Promise<void> {
  const apiKey = await admin.issueKey(slug);
  expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body: CUSTOMER })).status).toBe(201);
  expect((await app.call('/api/v1/customers', { apiKey })).body.items).toHaveLength(1);
}

describe('creating many tenants at once', () => {
  it('creates tenants of all isolations with one operation, each with its own outcome', async () => {
    const tenants = [
      ...['r1', 'r2', 'r3'].map((slug) => ({ slug, isolation: 'row', limits: { maxConcurrentStatements: 3 } })),
      ...['s1', 's2', 's3', 's4'].map((slug) => ({ slug, isolation: 'schema', domains: [`${slug}.example.com`] })),
      { slug: 'd1', isolation: 'database' },
    ];
    const created = await createAll(tenants);
    expect(created).toMatchObject({ status: 202, body: { kind: 'provision-tenants', tenantId: null } });
    const operation = await admin.ended(created.headers.get('location'));
    expect(operation).toMatchObject({ status: 'succeeded', result: { provisioned: 8, failed: 0 } });
    const results = await outcomes(operation);
    expect(results.map(({ slug, status }) => [slug, status]).toSorted()).toEqual(
      tenants.map(({ slug }) => [slug, 'succeeded']).toSorted(),
    );
    expect(new Set(results.map(({ toVersion }) => toVersion))).toEqual(new Set(['CreateCountries1764000002000']));
    for (const tenant of tenants) {
      expect((await admin.get(`/tenants/${tenant.slug}`)).body).toMatchObject({ ...tenant, status: 'active' });
    }
    await Promise.all(['r1', 'r2', 's1', 's4', 'd1'].map(serves));
    const entries = await app.database.admin(
      "SELECT subject, after FROM audit_log WHERE action = 'tenant.create' AND subject IN ('r1', 's1') ORDER BY subject",
    );
    expect(entries).toMatchObject([
      { subject: 'r1', after: { slug: 'r1', isolation: 'row', server: 'default' } },
      { subject: 's1', after: { domains: ['s1.example.com'] } },
    ]);
  });

  it('creates none when one of them cannot be created, and names each problem by its place in the list', async () => {
    const refused = await createAll([
      { slug: 'good', isolation: 'row' },
      { slug: 'r1', isolation: 'row' },
      { slug: 'twice', isolation: 'schema', domains: ['s1.example.com'] },
      { slug: 'twice', isolation: 'row', server: 'nowhere' },
    ]);
    expect(refused).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    expect(refused.body.errors).toEqual([
      { field: 'tenants.3.server', message: 'no such server' },
      { field: 'tenants.1.slug', message: 'is already in use' },
      { field: 'tenants.3.slug', message: 'is already in use' },
      { field: 'tenants.2.domains.0', message: 'belongs to another tenant' },
    ]);
    expect((await admin.get('/tenants/good')).status).toBe(404);
    for (const tenants of [[], Array.from({ length: 1_001 }, (_, n) => ({ slug: `n${n}`, isolation: 'row' }))]) {
      expect((await createAll(tenants)).status).toBe(400);
    }
  });

  it('creates them once however often it is requested with the same idempotency key', async () => {
    const tenants = [{ slug: 'once', isolation: 'row' }];
    const answers = await Promise.all([1, 2, 3].map(() => createAll(tenants, 'import 1')));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    await admin.ended(answers[0]!.headers.get('location'));
    expect((await createAll(tenants, 'import 1')).headers.get('idempotency-replayed')).toBe('true');
    expect((await createAll([{ slug: 'other', isolation: 'row' }], 'import 1')).status).toBe(409);
  });

  it('provisions the others when one fails, and that one when the operation is retried', async () => {
    // A foreign role takes the name between its choice and its creation.
    await app.database.admin(`CREATE FUNCTION stranger() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN EXECUTE format('CREATE ROLE %I NOLOGIN', NEW.role); RETURN NEW; END $$`);
    await app.database.admin(
      `CREATE TRIGGER stranger AFTER INSERT ON connection_targets FOR EACH ROW WHEN (NEW.kind = 'dedicated')
       EXECUTE FUNCTION stranger()`,
    );
    const created = await createAll([
      { slug: 'unlucky', isolation: 'database' },
      { slug: 'lucky-row', isolation: 'row' },
      { slug: 'lucky-schema', isolation: 'schema' },
    ]);
    const location = created.headers.get('location')!;
    const operation = await admin.ended(location);
    expect(operation).toMatchObject({
      ...{ status: 'failed', result: { provisioned: 2, failed: 1 } },
      error: { code: 'PROVISIONING_INCOMPLETE', message: '2 of 3 tenants provisioned, 1 failed' },
    });
    const failed = (await outcomes(operation)).filter(({ status }) => status === 'failed');
    expect(failed).toMatchObject([{ slug: 'unlucky', error: { code: 'CONFLICT' }, toVersion: null }]);
    expect((await admin.get('/tenants/unlucky')).body.status).toBe('failed');
    await Promise.all(['lucky-row', 'lucky-schema'].map(serves));

    const [target] = await app.database.admin<{ role: string }>(
      `SELECT role FROM connection_targets c JOIN tenants t ON t.target_id = c.id WHERE slug = 'unlucky'`,
    );
    await asSuperuser('postgres', `DROP ROLE "${target?.role}"`);
    expect((await admin.send('POST', `${location}/retry`)).status).toBe(202);
    expect(await admin.ended(location)).toMatchObject({ status: 'succeeded', result: { provisioned: 3, failed: 0 } });
    await serves('unlucky');
  });

  it('provisions the other schemas of a connection when some of them cannot be migrated', async () => {
    await createAll([{ slug: 'first-schema', isolation: 'schema' }]).then(({ headers }) =>
      admin.ended(headers.get('location')),
    );
    const [shared] = await app.database.admin<{ database: string }>(
      `SELECT database FROM connection_targets WHERE kind = 'shared'`,
    );
    // By its tenant's id, each schema always fails or never does.
    await asSuperuser(
      shared!.database,
      `CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
       BEGIN IF current_schema() ~ '^t_[0-7]' THEN RAISE 'refused'; END IF; END $$;
       CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.refuse()`,
    );
    const slugs = Array.from({ length: 9 }, (_, n) => `schema-${n}`);
    const created = await createAll(slugs.map((slug) => ({ slug, isolation: 'schema' })));
    await admin.ended(created.headers.get('location'));
    await asSuperuser(shared!.database, 'DROP EVENT TRIGGER refuse; DROP FUNCTION public.refuse()');
    const tenants = await app.database.admin<{ id: string; slug: string; status: string }>(
      `SELECT id, slug, status FROM tenants WHERE slug LIKE 'schema-%' ORDER BY slug`,
    );
    expect(tenants).toEqual(
      tenants.map(({ id, slug }) => ({ id, slug, status: /^[0-7]/.test(id) ? 'failed' : 'active' })),
    );
    expect(tenants).toHaveLength(9);
    await Promise.all(tenants.filter(({ status }) => status === 'active').map(({ slug }) => serves(slug)));
  });

  it('refuses to delete a tenant or to rotate its login role while it is being provisioned', async () => {
    await app.database.admin("INSERT INTO tenants (slug, isolation) VALUES ('on-its-way', 'database')");
    const refused = { status: 409, body: { detail: 'the tenant is still being provisioned' } };
    expect(await admin.send('DELETE', '/tenants/on-its-way')).toMatchObject(refused);
    const rotation = { kind: 'rotate-credentials', tenant: 'on-its-way' };
    expect(await admin.send('POST', '/operations', { body: rotation })).toMatchObject(refused);
  });
});
