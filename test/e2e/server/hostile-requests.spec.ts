import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Attack } from '../../support/http/attack.js';
import { HostileRequests } from '../../support/http/hostile-requests.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
let acme: TestTenant;

beforeAll(async () => {
  app = await TestApp.start({ REQUEST_TIMEOUT: '1' });
  acme = await app.provision('acme', 'row');
  const umbrella = await app.provision('umbrella', 'row');
  await app.database.admin(`INSERT INTO tenant_domains (domain, tenant_id) VALUES ('shop.umbrella.example', $1)`, [
    umbrella.id,
  ]);
});

afterAll(async () => app.dispose());

/** One that never changes, and today's; a failure names it. */
it.each([20, Number(process.env['DOOR_SEED'] ?? Math.floor(Date.now() / 86_400_000))])(
  '200 hostile requests are refused with clear 4xx, and change nothing (DOOR_SEED=%i)',
  async (seed) => {
    const attack = new Attack(app.url, new HostileRequests(seed, acme.apiKey));
    await attack.send(200);
    await attack.ended();
    expect(attack.faults).toEqual([]);
    expect(attack.outcomes.size).toBeGreaterThan(20);
    const { status, body } = await app.call('/api/v1/customers', { apiKey: acme.apiKey });
    expect([status, body.items]).toEqual([200, []]);
    expect((await app.call('/health/ready', { apiKey: ADMIN_KEY })).status).toBe(200);
  },
);
