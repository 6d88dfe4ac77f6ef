import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { ADMIN_KEY, type TestApp, type TestTenant } from '../support/test-app.js';
import { type Launch, launchNew } from './launch.js';

export function problemsContract(launch: Launch): void {
  let app: TestApp;
  let acme: TestTenant;

  beforeAll(async () => {
    app = await launchNew(launch);
    acme = await app.provision('acme', 'row');
  });

  afterAll(async () => app.dispose());

  const CUSTOMER = { name: 'Ada', email: 'ada@example.com' };

  describe('an invalid request', () => {
    it.each([
      ['an unknown path', '/api/v1/nothing', {}, 404, 'NOT_FOUND'],
      ['an unknown method', '/api/v1/orders', { method: 'PUT', body: {} }, 404, 'NOT_FOUND'],
      ['a malformed id', "/api/v1/orders/'; DROP TABLE orders; --", {}, 404, 'NOT_FOUND'],
      ['a broken escape', '/api/v1/orders/%ff', {}, 400, 'BAD_REQUEST'],
      ['malformed JSON', '/api/v1/customers', { method: 'POST', body: '{"name": ' }, 400, 'BAD_REQUEST'],
      ['a JSON string', '/api/v1/customers', { method: 'POST', body: '"x"' }, 400, 'VALIDATION_FAILED'],
      ['a JSON array', '/api/v1/customers', { method: 'POST', body: [] }, 400, 'VALIDATION_FAILED'],
      [
        'an unknown field',
        '/api/v1/customers',
        { method: 'POST', body: { ...CUSTOMER, x: 1 } },
        400,
        'VALIDATION_FAILED',
      ],
      [
        'the tenant as a field',
        '/api/v1/customers',
        { method: 'POST', body: { ...CUSTOMER, tenant_id: 'x' } },
        400,
        'VALIDATION_FAILED',
      ],
      ['a NUL', '/api/v1/customers', { method: 'POST', body: { ...CUSTOMER, name: 'a\0b' } }, 400, 'VALIDATION_FAILED'],
      [
        'a body over 1 MiB',
        '/api/v1/customers',
        { method: 'POST', body: { name: 'x'.repeat(1_100_000) } },
        413,
        'PAYLOAD_TOO_LARGE',
      ],
      ['an unknown query parameter', '/api/v1/orders?limit=5&x=1', {}, 400, 'VALIDATION_FAILED'],
      ['a limit out of range', '/api/v1/orders?limit=101', {}, 400, 'VALIDATION_FAILED'],
      ['a made-up cursor', '/api/v1/orders?cursor=eyJhIjoxfQ', {}, 400, 'VALIDATION_FAILED'],
    ])('is rejected with problem details: %s', async (_what, path, call, status, code) => {
      const answer = await app.call(path, { apiKey: acme.apiKey, ...call });
      expect([answer.status, answer.body?.code]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({
        type: 'about:blank',
        status,
        title: expect.any(String),
        detail: expect.any(String),
      });
      if (code === 'VALIDATION_FAILED') {
        expect(answer.body.errors).toContainEqual({ field: expect.any(String), message: expect.any(String) });
      }
    });

    it('is rejected for its media type', async () => {
      const answer = await app.call('/api/v1/customers', {
        method: 'POST',
        apiKey: acme.apiKey,
        headers: { 'content-type': 'application/xml' },
        body: '<a/>',
      });
      expect([answer.status, answer.body.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    });

    it('is answered with all invalid fields, and without their values', async () => {
      const { body } = await app.call('/api/v1/orders', {
        method: 'POST',
        apiKey: acme.apiKey,
        body: {
          number: '',
          customerId: 'hunter2',
          currency: 'euro',
          lines: [{ description: 'x', quantity: 0, unitPrice: -1 }],
        },
      });
      expect(body.errors.map(({ field }: { field: string }) => field).toSorted()).toEqual([
        ...['currency', 'customerId', 'lines.0.quantity', 'lines.0.unitPrice', 'number'],
      ]);
      expect(JSON.stringify(body)).not.toContain('hunter2');
    });

    it('does not bring the server down when it is not HTTP', async () => {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(Number(new URL(app.url).port), '127.0.0.1', () =>
          socket.write('\0\x01 nonsense\r\n\r\n'),
        );
        socket.on('close', () => resolve());
        socket.on('error', reject);
        socket.resume();
      });
      expect((await app.call('/health')).status).toBe(200);
    });
  });

  describe('an empty body with a content type', () => {
    const headers = { 'content-type': 'application/json' };

    it('is none, where a route needs none', async () => {
      const suspended = await app.call('/admin/v1/tenants/acme/suspend', {
        method: 'POST',
        apiKey: ADMIN_KEY,
        headers,
      });
      expect([suspended.status, suspended.body.status]).toEqual([200, 'suspended']);
      const resumed = await app.call('/admin/v1/tenants/acme/resume', { method: 'POST', apiKey: ADMIN_KEY, headers });
      expect(resumed.status).toBe(200);
      const path = `/api/v1/orders/00000000-0000-4000-8000-000000000000`;
      const deleted = await app.call(path, { method: 'DELETE', apiKey: acme.apiKey, headers });
      expect([deleted.status, deleted.body.code]).toEqual([404, 'NOT_FOUND']);
    });

    it('is invalid where a route needs one', async () => {
      const created = await app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, headers });
      expect([created.status, created.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    });
  });

  describe('a request body with __proto__', () => {
    it('is rejected and does not pollute prototypes', async () => {
      const answer = await app.call('/api/v1/customers', {
        method: 'POST',
        apiKey: acme.apiKey,
        body: '{"__proto__": {"polluted": true}, "name": "x", "email": "x@example.com"}',
      });
      expect(answer.status).toBe(400);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    });
  });
}
