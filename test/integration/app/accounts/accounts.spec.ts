import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { Membership } from '../../../../src/app/accounts/membership.entity.js';
import { Passwords } from '../../../../src/app/accounts/passwords.js';
import { Session } from '../../../../src/app/accounts/session.entity.js';
import { User } from '../../../../src/app/accounts/user.entity.js';
import { CENTRAL } from '../../../../src/central/central-data-source.js';
import { ADMIN_KEY, type Answer, TestApp, type TestTenant } from '../../../support/test-app.js';

const ISOLATIONS = ['row', 'schema', 'database'] as const;
const PASSWORD = 'correct horse battery staple';
const SESSIONS = '/api/v1/sessions';
const MEMBERSHIPS = '/api/v1/memberships';
const CUSTOMERS = '/api/v1/customers';

let app: TestApp;
let central: DataSource;
let tenants: Record<(typeof ISOLATIONS)[number], TestTenant>;
let passwordHash: string;

beforeAll(async () => {
  app = await TestApp.start({ TENANT_BASE_DOMAIN: 'app.test' });
  central = app.application.nest.get<DataSource>(CENTRAL);
  const [row, schema, database] = await Promise.all(ISOLATIONS.map((isolation) => app.provision(isolation, isolation)));
  tenants = { row: row!, schema: schema!, database: database! };
  passwordHash = await new Passwords().hash(PASSWORD);
}, 60_000);

afterAll(() => app?.dispose());

/** A user with memberships of these tenants. */
async function createUser(name: string, of: readonly { readonly id: string }[]): Promise<User> {
  const user = await central.manager.save(User, { email: `${name}@example.com`, passwordHash });
  const memberships = of.map(({ id }) => ({ userId: user.id, tenantId: id, role: 'member' as const }));
  await central.manager.insert(Membership, memberships);
  return user;
}

function signIn(email: string, password = PASSWORD): Promise<Answer> {
  return app.call(SESSIONS, { method: 'POST', body: { email, password } });
}

async function tokenOf(name: string): Promise<string> {
  const { status, body } = await signIn(`${name}@example.com`);
  expect(status).toBe(201);
  return (body as { token: string }).token;
}

const inTenant = (slug: string): { headers: Record<string, string> } => ({ headers: { 'x-tenant-id': slug } });

async function emailsIn(token: string, slug: string): Promise<string[]> {
  const { status, body } = await app.call(CUSTOMERS, { apiKey: token, ...inTenant(slug) });
  expect(status).toBe(200);
  return (body as { items: { email: string }[] }).items.map(({ email }) => email);
}

describe('a signed-in user', () => {
  it('switches between tenants by naming another one, in each isolation, also with many requests at a time', async () => {
    await createUser('ada', Object.values(tenants));
    const token = await tokenOf('ada');
    for (const slug of ISOLATIONS) {
      const body = { email: `${slug}@example.com`, name: slug };
      expect(await app.call(CUSTOMERS, { method: 'POST', apiKey: token, body, ...inTenant(slug) })).toMatchObject({
        status: 201,
      });
    }
    const reads = Array.from({ length: 30 }, (_, index) => ISOLATIONS[index % 3]!);
    const answers = await Promise.all(reads.map((slug) => emailsIn(token, slug)));
    expect(answers).toEqual(reads.map((slug) => [`${slug}@example.com`]));
  });

  it('names the tenant with its id, its host or its path as well, and not two at a time', async () => {
    await createUser('grace', [tenants.row, tenants.schema]);
    const apiKey = await tokenOf('grace');
    const profile = '/api/v1/tenant';
    expect((await app.call(profile, { apiKey, ...inTenant(tenants.schema.id) })).body).toMatchObject({
      slug: 'schema',
    });
    expect((await app.call(profile, { apiKey, headers: { host: 'row.app.test' } })).body).toMatchObject({
      slug: 'row',
    });
    expect((await app.call(`/t/schema${profile}`, { apiKey })).body).toMatchObject({ slug: 'schema' });
    expect((await app.call(`/t/schema${profile}`, { apiKey, ...inTenant('row') })).body).toMatchObject({
      code: 'TENANT_MISMATCH',
    });
  });

  it('is refused a tenant of others and one that does not exist with the same answer', async () => {
    await createUser('alan', [tenants.row, tenants.schema]);
    const apiKey = await tokenOf('alan');
    const answers = [
      'database',
      tenants.database.id,
      'nobodys',
      crypto.randomUUID(),
      '',
      `x' OR '1'='1`,
      'x'.repeat(300),
    ];
    const texts = new Set<string>();
    for (const slug of answers) {
      const { status, text } = await app.call(CUSTOMERS, { apiKey, ...inTenant(slug) });
      expect([slug, status]).toEqual([slug, 403]);
      texts.add(text);
    }
    expect(texts.size).toBe(1);
  });

  it('need not name its only tenant, and must choose among several', async () => {
    await createUser('only', [tenants.database]);
    expect((await app.call('/api/v1/tenant', { apiKey: await tokenOf('only') })).body).toMatchObject({
      slug: 'database',
    });
    await createUser('several', [tenants.row, tenants.database]);
    expect(await app.call(CUSTOMERS, { apiKey: await tokenOf('several') })).toMatchObject({
      status: 400,
      body: { code: 'TENANT_REQUIRED' },
    });
    await createUser('none', []);
    expect((await app.call(CUSTOMERS, { apiKey: await tokenOf('none') })).status).toBe(403);
  });

  it('sees its memberships without those of deleted tenants, which are removed', async () => {
    const gone = { id: crypto.randomUUID() };
    const user = await createUser('joan', [tenants.schema, gone, tenants.row]);
    const apiKey = await tokenOf('joan');
    const { body } = await app.call(MEMBERSHIPS, { apiKey });
    expect(body).toEqual({
      items: ['row', 'schema'].map((tenant) => ({ tenant, role: 'member', status: 'active' })),
    });
    expect(await central.manager.countBy(Membership, { userId: user.id })).toBe(2);
    expect((await app.call(CUSTOMERS, { apiKey, ...inTenant(gone.id) })).status).toBe(403);
  });

  it('loses a tenant at once with the membership', async () => {
    const user = await createUser('mary', [tenants.row, tenants.schema]);
    const token = await tokenOf('mary');
    await emailsIn(token, 'row');
    await central.manager.delete(Membership, { userId: user.id, tenantId: tenants.row.id });
    expect((await app.call(CUSTOMERS, { apiKey: token, ...inTenant('row') })).status).toBe(403);
    await emailsIn(token, 'schema');
  });

  it('is no operator: routes of the control plane refuse the session', async () => {
    await createUser('edsger', [tenants.row]);
    const answer = await app.call('/admin/v1/tenants', { apiKey: await tokenOf('edsger') });
    expect([401, 403]).toContain(answer.status);
  });
});

describe('a session', () => {
  it('ends when the user signs out, and is not another one', async () => {
    await createUser('barbara', [tenants.row]);
    const [ended, other] = [await tokenOf('barbara'), await tokenOf('barbara')];
    expect((await app.call(`${SESSIONS}/current`, { method: 'DELETE', apiKey: ended })).status).toBe(204);
    for (const path of [CUSTOMERS, MEMBERSHIPS]) {
      expect(await app.call(path, { apiKey: ended })).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    }
    expect((await app.call(`${SESSIONS}/current`, { method: 'DELETE', apiKey: ended })).status).toBe(401);
    await emailsIn(other, 'row');
  });

  it('ends when it expires, and the next sign-in removes it', async () => {
    const user = await createUser('tony', [tenants.row]);
    const expired = await tokenOf('tony');
    await central.manager.update(Session, { userId: user.id }, { expiresAt: new Date(Date.now() - 1) });
    expect((await app.call(CUSTOMERS, { apiKey: expired })).status).toBe(401);
    await tokenOf('tony');
    expect(await central.manager.countBy(Session, { userId: user.id })).toBe(1);
  });

  it('is not stored: tables have neither tokens nor passwords', async () => {
    await createUser('donald', [tenants.row]);
    const token = await tokenOf('donald');
    const rows = JSON.stringify(
      await central.query('SELECT to_jsonb(s) FROM sessions s UNION ALL SELECT to_jsonb(u) FROM users u'),
    );
    expect(rows).not.toContain(token.slice(4));
    expect(rows).not.toContain(Buffer.from(token).toString('hex'));
    expect(rows).not.toContain(PASSWORD);
  });

  it.each(['ses_', `ses_${'x'.repeat(43)}`, `ses_${'x'.repeat(5000)}`, "ses_' OR 1=1 --"])(
    'is refused when it is unknown (%#)',
    async (apiKey) => {
      for (const path of [CUSTOMERS, MEMBERSHIPS]) {
        expect(await app.call(path, { apiKey })).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      }
    },
  );
});

describe('a sign-in', () => {
  it('fails in the same way for an unknown email and a wrong password, and slows down guesses', async () => {
    await createUser('target', [tenants.row]);
    const [unknown, wrong] = [await signIn('nobody@example.com'), await signIn('target@example.com', 'wrong')];
    expect(unknown).toMatchObject({ status: 401, text: wrong.text });
    const guesses = await Promise.all(
      Array.from({ length: 6 }, (_, index) => signIn('target@example.com', `guess ${index}`)),
    );
    expect(guesses.map(({ status }) => status).toSorted()).toEqual([401, 401, 401, 401, 429, 429]);
    expect((await signIn('target@example.com')).status).toBe(429);
  });

  it.each([
    {},
    { email: 'ada@example.com' },
    { email: 'ada', password: 'x' },
    { email: 'ada@example.com', password: '' },
    { email: 'ada@example.com', password: 'x'.repeat(201) },
    { email: { $ne: 1 }, password: 'x' },
    { email: 'ada@example.com', password: 'x', role: 'admin' },
  ])('refuses what is no email and password (%#)', async (body) => {
    expect(await app.call(SESSIONS, { method: 'POST', body })).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED' },
    });
  });
});

describe('API keys and the admin key', () => {
  it('go on as before', async () => {
    for (const slug of ISOLATIONS) {
      const { apiKey } = tenants[slug];
      expect((await app.call('/api/v1/tenant', { apiKey })).body).toMatchObject({ slug });
      expect((await app.call(MEMBERSHIPS, { apiKey })).status).toBe(401);
    }
    expect((await app.call('/admin/v1/tenants', { apiKey: ADMIN_KEY })).status).toBe(200);
    expect((await app.call(CUSTOMERS, { apiKey: ADMIN_KEY })).status).toBe(403);
    expect((await app.call(CUSTOMERS)).status).toBe(401);
  });
});
