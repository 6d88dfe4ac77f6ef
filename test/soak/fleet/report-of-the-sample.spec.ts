import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { OldDraftsJob } from '../../../src/app/orders/old-drafts.job.js';
import { TenantConnectionService } from '../../../src/index.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
const tenants: TestTenant[] = [];

beforeAll(async () => {
  app = await TestApp.start();
  for (const [index, isolation] of (['row', 'schema', 'database'] as const).entries()) {
    const tenant = await app.provision(['acme', 'globex', 'initech'][index]!, isolation);
    tenants.push(tenant);
    const customer = await post(tenant, '/api/v1/customers', { name: 'Ada', email: 'ada@example.com' });
    for (let number = 0; number <= index; number += 1) {
      const lines = [{ description: 'Cable', quantity: 2, unitPrice: 50 }];
      const body = { number: `A-${number}`, customerId: customer.id, currency: 'EUR', status: 'paid', lines };
      await post(tenant, '/api/v1/orders', body);
    }
  }
});

afterAll(() => app?.dispose());

async function post({ apiKey }: TestTenant, path: string, body: object): Promise<{ id: string }> {
  const answer = await app.call(path, { method: 'POST', apiKey, body });
  expect({ path, status: answer.status, text: answer.text }).toMatchObject({ status: 201 });
  return answer.body;
}

it('reports the paid orders of each tenant to the admin key, and to no tenant', async () => {
  const report = await app.call('/admin/v1/reports/orders', { apiKey: ADMIN_KEY });
  expect(report).toMatchObject({ status: 200 });
  expect(report.body.items).toEqual([
    { tenant: 'acme', totals: [{ currency: 'EUR', orders: 1, revenue: 100 }] },
    { tenant: 'globex', totals: [{ currency: 'EUR', orders: 2, revenue: 200 }] },
    { tenant: 'initech', totals: [{ currency: 'EUR', orders: 3, revenue: 300 }] },
  ]);
  const audit = await app.call('/admin/v1/audit', { apiKey: ADMIN_KEY });
  expect(audit.body.items[0]).toMatchObject({
    action: 'tenants.read',
    subjectKind: 'fleet',
    after: { reason: 'orders report' },
  });
  const refused = await app.call('/admin/v1/reports/orders', { apiKey: tenants[0]!.apiKey });
  expect([401, 403]).toContain(refused.status);
});

it('deletes old drafts of the tenant that the job runs for, and nothing else', async () => {
  const { nest } = app.application;
  const connections = nest.get(TenantConnectionService);
  const [acme, globex] = tenants as [TestTenant, TestTenant];
  for (const { slug } of [acme, globex]) {
    await connections.run(slug, () =>
      connections.transaction((manager) =>
        manager.query(`UPDATE orders SET status = 'draft', updated_at = '2020-01-01' WHERE number = 'A-0'`),
      ),
    );
  }
  const run = { tenant: acme, scheduledAt: new Date(), isRetry: false, signal: new AbortController().signal };
  await connections.run('acme', () => nest.get(OldDraftsJob, { strict: false }).deleteOldDrafts(run));
  const { results } = await connections.acrossTenants<{ count: number }>({}, 'SELECT count(*)::int FROM orders', {
    reason: 'test',
  });
  const counts = results.map((each) => [each.tenant.slug, each.status === 'done' && each.rows[0]!.count]);
  expect(Object.fromEntries(counts)).toEqual({ acme: 0, globex: 2, initech: 3 });
});
