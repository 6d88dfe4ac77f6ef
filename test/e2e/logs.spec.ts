import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { soon } from '../support/load/soon.js';
import { createTestDatabase, testServer } from '../support/postgres/postgres.js';
import { ADMIN_KEY, type Json, TestApp, type TestTenant } from '../support/test-app.js';

let app: TestApp;
let acme: TestTenant;
let written = '';

beforeAll(async () => {
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      done();
    },
  });
  const env = { LOG_LEVEL: 'trace', LOG_FORMAT: 'json' };
  app = await TestApp.over(await createTestDatabase('catalog'), env, output);
  acme = await app.provision('acme', 'database');
});

afterAll(async () => app.dispose());

/** The lines about requests since the given length of the log. */
function requestLines(since: number): Json[] {
  const lines = written.slice(since).trim().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line)).filter(({ context }) => context === 'Request');
}

async function lineOf(call: () => Promise<unknown>): Promise<Json> {
  const since = written.length;
  await call();
  await soon(async () => expect(requestLines(since).length).toBeGreaterThan(0));
  const lines = requestLines(since);
  expect(lines).toHaveLength(1);
  return lines[0];
}

describe('the log line of a request', () => {
  it('names the tenant, the route, the duration and the number of statements', async () => {
    await app.call('/api/v1/orders', { apiKey: acme.apiKey });
    const line = await lineOf(() => app.call('/api/v1/orders?limit=1', { apiKey: acme.apiKey }));
    expect(line).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      msg: expect.stringMatching(/^GET \/api\/v1\/orders 200 [\d.]+ ms acme$/),
      request: {
        id: expect.any(String),
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        tenant: 'acme',
        method: 'GET',
        route: '/api/v1/orders',
        status: 200,
        durationMs: expect.any(Number),
        statements: 1,
        waitMs: expect.any(Number),
      },
    });
  });

  it('counts the statements of a batch and of a transaction', async () => {
    const customer = await app.call('/api/v1/customers', {
      method: 'POST',
      apiKey: acme.apiKey,
      body: { name: 'Ada', email: 'ada@example.com' },
    });
    const lines = [{ description: 'x', quantity: 1, unitPrice: 1 }];
    const body = { number: 'L-1', customerId: customer.body.id, currency: 'EUR', lines };
    let order: { readonly id: string; readonly version: number } | undefined;
    const inserted = await lineOf(async () => {
      const response = await app.call('/api/v1/orders', { method: 'POST', apiKey: acme.apiKey, body });
      order = response.body as typeof order;
      return response;
    });
    expect(inserted.request.statements).toBe(2); // order, lines
    const change = { version: order?.version, status: 'paid' };
    const path = `/api/v1/orders/${order?.id}`;
    const changed = await lineOf(() => app.call(path, { method: 'PATCH', apiKey: acme.apiKey, body: change }));
    expect(changed.request.statements).toBe(4); // begin, update, read, commit
  });

  it('has the incoming request id and trace id, as has the response', async () => {
    const headers = {
      'x-request-id': 'call-17',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    const line = await lineOf(async () => {
      const answer = await app.call('/api/v1/tenant', { apiKey: acme.apiKey, headers });
      expect(answer.headers.get('x-request-id')).toBe('call-17');
      expect(answer.headers.get('traceparent')).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
    });
    expect(line.request).toMatchObject({ id: 'call-17', traceId: '4bf92f3577b34da6a3ce929d0e0e4736' });
  });

  it('has a generated id when the incoming one could forge a line', async () => {
    const answer = await app.call('/health/live', { headers: { 'x-request-id': 'x y "z"' } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('shows the route pattern instead of the path', async () => {
    const line = await lineOf(() => app.call('/api/v1/orders/secret-in-the-path', { apiKey: acme.apiKey }));
    expect(line.request.route).toBe('/api/v1/orders/:id');
    expect(JSON.stringify(line)).not.toContain('secret-in-the-path');
  });

  it('has level debug for a health probe', async () => {
    expect(await lineOf(() => app.call('/health/live'))).toMatchObject({ level: 'debug' });
  });
});

describe('the log', () => {
  it('never shows a secret, at any level', async () => {
    const broken = 'Bearer tnt_0123456789abcdef_'.padEnd(71, 'x');
    await app.call('/api/v1/orders', { headers: { authorization: broken } });
    await app.call('/admin/v1/runtime', { apiKey: ADMIN_KEY });
    await app.call(`/api/v1/orders?cursor=${acme.apiKey}`, { apiKey: acme.apiKey });
    await app.database.admin(`ALTER DATABASE "${await databaseOf(acme)}" CONNECTION LIMIT 0`);
    await app.call('/api/v1/orders', { apiKey: acme.apiKey });
    const { ownerPassword, superuserPassword } = testServer();
    const secrets = [acme.apiKey.slice(21), ADMIN_KEY, ownerPassword, superuserPassword, broken.slice(28)];
    for (const secret of secrets) expect(written).not.toContain(secret);
    expect(written).toContain('Connection pool ready: ');
    expect(written).toMatch(/Cache HIT \(memory\) tenant:/);
    expect(written).toMatch(/Cache MISS api-key:/);
  });
});

async function databaseOf(tenant: TestTenant): Promise<string> {
  const [row] = await app.database.admin<{ database: string }>(
    'SELECT database FROM connection_targets WHERE id = $1',
    [tenant.targetId],
  );
  return row?.database ?? '';
}
