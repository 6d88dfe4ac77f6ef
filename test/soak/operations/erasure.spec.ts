import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { mentions } from '../../support/admin/mentions.js';
import { type Json, TestApp } from '../../support/test-app.js';

const SLUG = 'hooli-gmbh';
/** The slug, also as in names of databases, and not as a part of the neighbour's. */
const NAMED = 'hooli[-_]gmbh(?!-2)';
const NEIGHBOUR = 'hooli-gmbh-2';

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  await admin.create(NEIGHBOUR, 'row');
});

afterAll(async () => app.dispose());

/** What an erasure leaves of the audit log. */
function facts(): Promise<Json[]> {
  return app.database.admin(
    `SELECT id, at, actor, address, request_id, action, subject_kind, subject_id, before -> 'status' AS before,
            after -> 'status' AS after, after -> 'isolation' AS isolation
     FROM audit_log ORDER BY id`,
  );
}

async function operate(body: object): Promise<void> {
  const created = await admin.send('POST', '/operations', { body });
  expect(created.status).toBe(202);
  expect((await admin.ended(created.headers.get('location'))).status).toBe('succeeded');
}

async function remove(slug: string): Promise<Json> {
  const deleted = await admin.send('DELETE', `/tenants/${slug}?graceSeconds=0`);
  return admin.ended(deleted.headers.get('location'));
}

/** Leaves the tenant's name wherever the catalog keeps it. */
async function live(key: string): Promise<Json> {
  const created = await admin.send('POST', '/tenants', {
    body: { slug: SLUG, isolation: 'database', domains: [`shop.${SLUG}.example`] },
    headers: { 'idempotency-key': key },
  });
  await admin.ended(created.headers.get('location'));
  const { tenant } = created.body;
  await admin.send('POST', `/tenants/${SLUG}/api-keys`, { body: { name: `billing of ${SLUG}` } });
  await admin.send('PUT', `/tenants/${SLUG}/maintenance`, { body: { message: 'Hooli-GmbH is back at nine' } });
  await admin.send('DELETE', `/tenants/${SLUG}/maintenance`);
  await operate({ kind: 'rotate-credentials', tenant: SLUG });
  await operate({ kind: 'migrate', tenants: [NEIGHBOUR, SLUG], canary: { tenants: [SLUG] }, message: `${SLUG} first` });
  await app.database.admin(
    `INSERT INTO operations (kind, status, subject, created_by, steps, state, error) VALUES ($1, 'failed', 'fleet', 'test', '{}',
       jsonb_build_object('canary', $2::text), jsonb_build_object('code', 'TABLES_BEHIND', 'message', $3::text))`,
    ['migrate', JSON.stringify([SLUG, NEIGHBOUR]), `2 tenants lack policies (${SLUG}, ${NEIGHBOUR})`],
  );
  await app.database.admin(
    `INSERT INTO operation_tenants (operation_id, tenant_id, slug, status, error, duration_ms)
     SELECT o.id, t.id, t.slug, 'failed', '{"code": "X", "message": "schema t_hooli_gmbh_0123abcd is locked"}', 1
     FROM operations o, tenants t WHERE o.status = 'failed' AND t.slug = '${SLUG}'`,
  );
  return tenant;
}

describe('a deleted tenant', () => {
  let tenant: Json;
  let deletion: Json;
  let before: Json[];
  let pseudonym: string;

  beforeAll(async () => {
    tenant = await live('signup of the first');
    pseudonym = `deleted-${tenant.id.slice(0, 8)}`;
    expect(new Set((await mentions(app.database, NAMED)).map((found) => found.split(':')[0]))).toEqual(
      new Set([
        ...[
          'tenants.slug',
          'tenant_domains.domain',
          'api_keys.name',
          'operation_tenants.slug',
          'operation_tenants.error',
        ],
        ...['operations.subject', 'operations.input', 'operations.state', 'operations.error'],
        ...['audit_log.subject', 'audit_log.before', 'audit_log.after'],
      ]),
    );
    before = await facts();
    deletion = await remove(SLUG);
  });

  it('leaves its name nowhere in the catalog', async () => {
    expect(deletion.status).toBe('succeeded');
    expect(await mentions(app.database, NAMED)).toEqual([]);
    expect(await mentions(app.database, 'signup of the first')).toEqual([]);
  });

  it('leaves the facts of the audit log, with ids, times and actors', async () => {
    expect((await facts()).slice(0, before.length)).toEqual(before);
  });

  it('is found by its id, under a pseudonym', async () => {
    const { items } = (await admin.get(`/operations?tenant=${tenant.id}`)).body;
    expect(items.map(({ kind, subject }: Json) => [kind, subject])).toEqual([
      ...[
        ['delete', pseudonym],
        ['rotate-credentials', pseudonym],
        ['provision', pseudonym],
      ],
    ]);
    expect((await admin.get(`/operations?tenant=${pseudonym}`)).body.items).toEqual(items);
    expect((await admin.get(`/operations/${deletion.id}`)).body).toMatchObject({ subject: pseudonym, error: null });
    const audit = (await admin.get(`/audit?subject=${tenant.id}`)).body.items;
    expect(audit.map(({ action, subject }: Json) => [action, subject])).toEqual([
      ['tenant.removed', pseudonym],
      ['tenant.delete', pseudonym],
      ['operation.create', `rotate-credentials ${pseudonym}`],
      ...['tenant.maintenance-end', 'tenant.maintenance'].map((action) => [action, pseudonym]),
      ...['api-key.issue', 'tenant.create'].map((action) => [action, pseudonym]),
    ]);
    expect(audit.at(-1).after).toMatchObject({ slug: pseudonym, isolation: 'database', domains: [pseudonym] });
  });

  it('leaves what is said of its neighbour in the same records', async () => {
    const [migration] = (await admin.get('/audit?action=operation.create&limit=1')).body.items;
    expect(migration).toMatchObject({ subject: 'migrate fleet', after: { tenants: [NEIGHBOUR, pseudonym] } });
    const [failed] = await app.database.admin(`SELECT state, error FROM operations WHERE status = 'failed'`);
    expect(JSON.parse(failed?.['state'].canary)).toEqual([NEIGHBOUR, pseudonym]);
    expect(failed?.['error'].message).toBe(`2 tenants lack policies (${pseudonym}, ${NEIGHBOUR})`);
    const { items } = (await admin.get(`/audit?subject=${NEIGHBOUR}`)).body;
    expect(items.at(-1)).toMatchObject({ action: 'tenant.create', after: { slug: NEIGHBOUR } });
  });

  it('gives its slug to a successor, whose records keep it while the former ones stay erased', async () => {
    const erased = await mentions(app.database, pseudonym);
    const successor = await live('signup of the second');
    expect(successor.slug).toBe(SLUG);
    const { items } = (await admin.get(`/audit?subject=${successor.id}`)).body;
    expect(items.every(({ subject }: Json) => subject.split(' ').at(-1) === SLUG)).toBe(true);
    expect(await mentions(app.database, pseudonym)).toEqual(erased);
    expect((await remove(SLUG)).status).toBe('succeeded');
    expect(await mentions(app.database, NAMED)).toEqual([]);
    expect((await mentions(app.database, pseudonym)).toSorted()).toEqual(erased.toSorted());
  });

  it('has a pseudonym that no tenant can have as its slug', async () => {
    const refused = await admin.send('POST', '/tenants', { body: { slug: pseudonym, isolation: 'row' } });
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_FAILED']);
  });
});
