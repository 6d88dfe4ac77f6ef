import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { soon } from '../support/load/soon.js';
import type { TestApp, TestTenant } from '../support/test-app.js';
import { type Launch, launchNew } from './launch.js';

export function tenantStatusContract(launch: Launch): void {
  let app: TestApp;
  let other: TestApp;
  let acme: TestTenant;
  let umbrella: TestTenant;

  beforeAll(async () => {
    app = await launchNew(launch);
    other = await launch(app.database);
    acme = await app.provision('acme', 'row');
    umbrella = await app.provision('umbrella', 'row');
  });

  afterAll(async () => {
    await other.stop();
    await app.dispose();
  });

  const NOT_SERVED = [
    ['suspended', 403, 'TENANT_SUSPENDED'],
    ['maintenance', 503, 'TENANT_UNAVAILABLE'],
    ['provisioning', 503, 'TENANT_UNAVAILABLE'],
    ['moving', 503, 'TENANT_UNAVAILABLE'],
    ['deleting', 503, 'TENANT_UNAVAILABLE'],
    ['failed', 503, 'TENANT_UNAVAILABLE'],
  ] as const;

  describe.each(NOT_SERVED)('a tenant set to "%s" by any writer', (tenantStatus, status, code) => {
    it(`is rejected with ${status} ${code} by every instance, and served again afterwards, while other tenants are served throughout`, async () => {
      for (const instance of [app, other]) {
        expect((await instance.call('/api/v1/orders', { apiKey: acme.apiKey })).status).toBe(200);
      }
      await setStatus(tenantStatus);
      for (const instance of [app, other]) {
        await soon(async () => {
          const answer = await instance.call('/api/v1/orders', { apiKey: acme.apiKey });
          expect([answer.status, answer.body.code]).toEqual([status, code]);
          expect(answer.headers.has('retry-after')).toBe(status === 503);
        });
        expect((await instance.call('/api/v1/orders', { apiKey: umbrella.apiKey })).status).toBe(200);
      }
      await setStatus('active');
      for (const instance of [app, other]) {
        await soon(async () => {
          expect((await instance.call('/api/v1/orders', { apiKey: acme.apiKey })).status).toBe(200);
        });
      }
    });
  });

  describe('a tenant in maintenance', () => {
    it('is rejected with the message of the maintenance', async () => {
      await app.database.admin(`UPDATE tenants SET status = 'maintenance', message = 'back at nine' WHERE id = $1`, [
        acme.id,
      ]);
      await soon(async () => {
        expect((await app.call('/api/v1/tenant', { apiKey: acme.apiKey })).body.detail).toBe('back at nine');
      });
      await setStatus('active');
    });
  });

  describe('a suspended tenant', () => {
    it('cannot read its own profile, and can use its key again once it is active', async () => {
      await setStatus('suspended');
      await soon(async () => {
        expect((await app.call('/api/v1/tenant', { apiKey: acme.apiKey })).body.code).toBe('TENANT_SUSPENDED');
      });
      await setStatus('active');
      await soon(async () => {
        expect((await app.call('/api/v1/tenant', { apiKey: acme.apiKey })).status).toBe(200);
      });
    });
  });

  async function setStatus(status: string): Promise<void> {
    await app.database.admin('UPDATE tenants SET status = $1, message = NULL WHERE id = $2', [status, acme.id]);
  }
}
