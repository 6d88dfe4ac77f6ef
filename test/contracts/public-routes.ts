import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN_KEY, type Json, type TestApp, type TestTenant } from '../support/test-app.js';
import { type Launch, launchNew } from './launch.js';

export function publicRoutesContract(launch: Launch): void {
  let app: TestApp;
  let acme: TestTenant;

  beforeAll(async () => {
    app = await launchNew(launch);
    acme = await app.provision('acme', 'row');
  });

  afterAll(async () => app.dispose());

  const PUBLIC = ['/health', '/health/ready', '/health/live'];
  const SIGN_IN = '/api/v1/sessions';

  describe('the health endpoints', () => {
    it.each(PUBLIC)('are public: %s returns 200 without a credential and with an invalid one', async (path) => {
      for (const apiKey of [undefined, 'tnt_wrong', ADMIN_KEY, acme.apiKey]) {
        const { status, body } = await app.call(path, { apiKey });
        expect([status, body.status]).toEqual([200, 'ok']);
      }
    });

    it('report the catalog at /health/ready', async () => {
      const { body } = await app.call('/health/ready');
      expect(body.details.catalog.status).toBe('up');
    });
  });

  describe('the API documentation', () => {
    let document: Json;

    beforeAll(async () => {
      document = (await app.call('/docs-json')).body;
    });

    it('is where / redirects a browser to', async () => {
      const { status, headers } = await app.call('/', { headers: { accept: 'text/html' } });
      expect([status, headers.get('location')]).toEqual([302, '/docs']);
      const page = await app.call('/docs');
      expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    });

    it('keeps no credential in the browser, and removes one that an earlier version kept', async () => {
      const script = await app.call('/docs/swagger-ui-init.js');
      expect([script.status, script.text]).toEqual([200, expect.not.stringContaining('persistAuthorization')]);
      expect((await app.call('/docs')).text).toContain("localStorage.removeItem('authorized')");
    });

    it('has a credential for every route that needs one, and for no other', () => {
      const without = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
        Object.values<Json>(methods).some(({ security }) => security === undefined) ? [path] : [],
      );
      expect(without.toSorted()).toEqual(['/', SIGN_IN, ...PUBLIC].filter((path) => path in document.paths).toSorted());
    });

    it('has examples that the API accepts', async () => {
      const example = document.components.schemas.NewCustomer.example;
      const customer = await app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body: example });
      expect([customer.status, customer.text]).toEqual([201, expect.any(String)]);
      const order = await app.call('/api/v1/orders', {
        method: 'POST',
        apiKey: acme.apiKey,
        body: { ...document.components.schemas.NewOrder.example, customerId: customer.body.id },
      });
      expect(order.status).toBe(201);
      const change = document.components.schemas.OrderChange.example;
      const changed = await app.call(`/api/v1/orders/${order.body.id}`, {
        method: 'PATCH',
        apiKey: acme.apiKey,
        body: change,
      });
      expect(changed.status).toBe(200);
    });

    it('names the bearer scheme on exactly the routes that return 401 without a key', async () => {
      const routes = Object.entries<Record<string, Json>>(document.paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
      );
      expect(routes.length).toBeGreaterThan(10);
      for (const { path, method, operation } of routes) {
        const guarded = ![SIGN_IN, ...PUBLIC].includes(path);
        expect([path, method, operation.security !== undefined]).toEqual([path, method, guarded]);
        if (!guarded) continue;
        const answer = await app.call(path.replace('{id}', '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11'), {
          method: method.toUpperCase(),
        });
        expect([path, method, answer.status]).toEqual([path, method, 401]);
      }
    });

    it('is not served with ENABLE_API_DOCS=false', async () => {
      const quiet = await launch(app.database, { ENABLE_API_DOCS: 'false' });
      try {
        const answers = await Promise.all(['/docs', '/docs-json', '/'].map((path) => quiet.call(path)));
        expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      } finally {
        await quiet.stop();
      }
    });
  });
}
