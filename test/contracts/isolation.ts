import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Isolation } from '../../src/catalog/model/tenant.js';
import type { TestApp, TestTenant } from '../support/test-app.js';
import { type Launch, launchNew } from './launch.js';

interface Stored {
  readonly tenant: TestTenant;
  readonly customerId: string;
  readonly orderId: string;
}

const PLACEMENTS: readonly { slug: string; isolation: Isolation }[] = [
  { slug: 'row-one', isolation: 'row' },
  { slug: 'row-two', isolation: 'row' },
  { slug: 'schema-one', isolation: 'schema' },
  { slug: 'schema-two', isolation: 'schema' },
  { slug: 'database-one', isolation: 'database' },
  { slug: 'database-two', isolation: 'database' },
];

export function isolationContract(launch: Launch): void {
  let app: TestApp;
  let stored: readonly Stored[];

  beforeAll(async () => {
    app = await launchNew(launch);
    const made: Stored[] = [];
    for (const { slug, isolation } of PLACEMENTS) made.push(await fill(await app.provision(slug, isolation)));
    stored = made;
  });

  afterAll(async () => app.dispose());

  /** The same email and number for every tenant: they are unique per tenant only. */
  async function fill(tenant: TestTenant): Promise<Stored> {
    const { apiKey, slug } = tenant;
    const customer = await app.call('/api/v1/customers', {
      method: 'POST',
      apiKey,
      body: { name: `Customer of ${slug}`, email: 'somebody@example.com' },
    });
    expect(customer.status).toBe(201);
    const order = await app.call('/api/v1/orders', {
      method: 'POST',
      apiKey,
      body: {
        number: 'A-1',
        customerId: customer.body.id,
        currency: 'EUR',
        lines: [{ description: `Line of ${slug}`, quantity: 3, unitPrice: 100 }],
      },
    });
    expect(order.status).toBe(201);
    return { tenant, customerId: customer.body.id, orderId: order.body.id };
  }

  function others(one: Stored): Stored[] {
    return stored.filter((other) => other !== one);
  }

  describe.each(PLACEMENTS)('a caller with the key of $slug ($isolation)', ({ slug, isolation }) => {
    const mine = (): Stored => stored.find(({ tenant }) => tenant.slug === slug) as Stored;
    const call: TestApp['call'] = (path, options) => app.call(path, { apiKey: mine().tenant.apiKey, ...options });

    it('reads the profile of its own tenant', async () => {
      const { status, body } = await call('/api/v1/tenant');
      expect([status, body]).toEqual([200, { slug, isolation, status: 'active' }]);
    });

    it('lists, counts and reads only its own rows', async () => {
      const [customers, orders, summary] = await Promise.all([
        call('/api/v1/customers?limit=100'),
        call('/api/v1/orders?limit=100'),
        call('/api/v1/orders/summary'),
      ]);
      expect(customers.body.items.map(({ name }: { name: string }) => name)).toEqual([`Customer of ${slug}`]);
      expect(orders.body.items).toHaveLength(1);
      expect(orders.body.items[0].lines[0].description).toBe(`Line of ${slug}`);
      expect(summary.body.items).toEqual([{ status: 'draft', currency: 'EUR', count: 1, total: 300 }]);
      expect((await call(`/api/v1/orders/${mine().orderId}`)).status).toBe(200);
    });

    it('gets 404 for the ids of other tenants on every route, and changes nothing', async () => {
      for (const { customerId, orderId } of others(mine())) {
        for (const path of [`/api/v1/customers/${customerId}`, `/api/v1/orders/${orderId}`]) {
          const answers = await Promise.all([
            call(path),
            call(path, { method: 'PATCH', body: { version: 1 } }),
            call(path, { method: 'DELETE' }),
          ]);
          expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(3).fill([404, 'NOT_FOUND']));
        }
      }
      for (const { tenant, orderId } of others(mine())) {
        expect((await app.call(`/api/v1/orders/${orderId}`, { apiKey: tenant.apiKey })).status).toBe(200);
      }
    });

    it('cannot attach an order to a customer of another tenant', async () => {
      for (const { customerId } of others(mine())) {
        const { status, body } = await call('/api/v1/orders', {
          method: 'POST',
          body: { number: 'X', customerId, currency: 'EUR', lines: [{ description: 'x', quantity: 1, unitPrice: 1 }] },
        });
        expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
      }
    });

    it('is rejected when header or path name another tenant, and served when they agree', async () => {
      for (const { tenant } of others(mine())) {
        const disagreeing = await Promise.all([
          call('/api/v1/orders', { headers: { 'x-tenant-id': tenant.slug } }),
          call('/api/v1/orders', { headers: { 'x-tenant-id': tenant.id } }),
          call(`/t/${tenant.slug}/api/v1/orders`),
        ]);
        expect(disagreeing.map(({ status, body }) => [status, body.code])).toEqual(
          Array(3).fill([403, 'TENANT_MISMATCH']),
        );
      }
      const agreeing = await Promise.all([
        call('/api/v1/orders', { headers: { 'x-tenant-id': slug } }),
        call('/api/v1/orders', { headers: { 'x-tenant-id': mine().tenant.id.toUpperCase() } }),
        call(`/t/${slug}/api/v1/orders`),
      ]);
      expect(agreeing.map(({ status, body }) => [status, body.items.length])).toEqual(Array(3).fill([200, 1]));
    });
  });

  describe('concurrent requests of many tenants', () => {
    it('never return rows of another tenant, over one instance and few connections', async () => {
      const rounds = Array.from({ length: 20 }, () => stored).flat();
      const answers = await Promise.all(
        rounds.map(async ({ tenant: { slug, apiKey } }) => ({
          slug,
          ...(await app.call('/api/v1/orders', { apiKey })),
        })),
      );
      for (const { slug, body } of answers) {
        expect(body.items.map(({ lines }: { lines: [{ description: string }] }) => lines[0].description)).toEqual([
          `Line of ${slug}`,
        ]);
      }
    });
  });
}
