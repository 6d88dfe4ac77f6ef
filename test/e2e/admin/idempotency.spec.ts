import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Json, TestApp } from '../../support/test-app.js';
import { AdminClient } from '../../support/admin/admin-client.js';

let app: TestApp;
let other: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  other = await TestApp.over(app.database);
  admin = new AdminClient(app);
  await app.provision('acme', 'row');
});

afterAll(async () => {
  await other.stop();
  await app.dispose();
});

describe('a request with an Idempotency-Key', () => {
  it('creates one tenant however often and to whichever instance it is sent, and always gets the same answer', async () => {
    const body = { slug: 'once', isolation: 'row' };
    const send = (client: AdminClient): ReturnType<AdminClient['send']> =>
      client.send('POST', '/tenants', { body, headers: { 'idempotency-key': 'create once' } });
    const clients = [admin, new AdminClient(other), admin, new AdminClient(other)];
    const answers = await Promise.all(clients.map(send));
    answers.push(await send(admin));
    expect(
      new Set(answers.map(({ status, text, headers }) => `${status} ${headers.get('location')} ${text}`)).size,
    ).toBe(1);
    expect(answers[0]?.status).toBe(202);
    const replayed = answers.map(({ headers }) => headers.get('idempotency-replayed'));
    expect(replayed.toSorted()).toEqual([null, ...Array(4).fill('true')].toSorted());
    const operations = (await admin.get('/operations?tenant=once')).body.items;
    expect(operations.map(({ id }: Json) => id)).toEqual([answers[0]?.body.operation.id]);
    await admin.ended(answers[0]?.headers.get('location') ?? '');
  });

  it('returns the same new API key again, and creates only one', async () => {
    const issue = (headers: Record<string, string>): ReturnType<AdminClient['send']> =>
      admin.send('POST', '/tenants/acme/api-keys', { body: { name: 'again' }, headers });
    const first = await issue({ 'idempotency-key': 'issue' });
    const second = await issue({ 'idempotency-key': 'issue' });
    expect([second.status, second.body, second.headers.get('cache-control')]).toEqual([201, first.body, 'no-store']);
    expect((await issue({})).body.token).not.toBe(first.body.token);
    const again = (await admin.get('/tenants/acme/api-keys')).body.filter(({ name }: Json) => name === 'again');
    expect(again).toHaveLength(2);
    const [saved] = await app.database.admin<Json>('SELECT * FROM idempotency_keys WHERE key = $1', ['issue']);
    expect(JSON.stringify(saved)).not.toContain(first.body.token);
  });

  it('is rejected when the key was used for another body, tenant or route', async () => {
    const headers = { 'idempotency-key': 'taken' };
    expect((await admin.send('POST', '/tenants/acme/api-keys', { headers })).status).toBe(201);
    for (const [path, body] of [
      ['/tenants/acme/api-keys', { name: 'other' }],
      ['/tenants/once/api-keys', {}],
      ['/tenants', { slug: 'never', isolation: 'row' }],
      ['/operations', { kind: 'reseal' }],
    ] as const) {
      const rejected = await admin.send('POST', path, { body, headers });
      expect([path, rejected.status, rejected.body.code]).toEqual([path, 409, 'CONFLICT']);
    }
    expect((await admin.get('/tenants/never')).status).toBe(404);
  });

  it('is executed when the first attempt was rejected', async () => {
    const send = (): ReturnType<AdminClient['send']> =>
      admin.send('POST', '/tenants/later/api-keys', { headers: { 'idempotency-key': 'early' } });
    expect((await send()).status).toBe(404);
    await app.provision('later', 'row');
    const answer = await send();
    expect([answer.status, answer.headers.get('idempotency-replayed')]).toEqual([201, null]);
  });

  it('is executed again a day later', async () => {
    const send = (): ReturnType<AdminClient['send']> =>
      admin.send('POST', '/tenants/acme/api-keys', { headers: { 'idempotency-key': 'daily' } });
    const first = await send();
    await app.database.admin(
      "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'daily'",
    );
    expect((await send()).body.id).not.toBe(first.body.id);
  });
});
