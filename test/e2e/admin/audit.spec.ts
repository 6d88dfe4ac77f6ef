import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { type Json, TestApp } from '../../support/test-app.js';

describe('the audit log', () => {
  let app: TestApp;
  let admin: AdminClient;

  beforeAll(async () => {
    app = await TestApp.start({ TRUSTED_PROXIES: '127.0.0.1' });
    admin = new AdminClient(app);
    await app.provision('acme', 'row');
  });

  afterAll(async () => app.dispose());

  async function entriesOf(action: string): Promise<Json[]> {
    return (await admin.get(`/audit?action=${action}`)).body.items;
  }

  it('has the address and the request id of the caller', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', 'x-request-id': 'request-of-a-test' };
    expect((await admin.send('POST', '/tenants/acme/suspend', { headers })).status).toBe(200);
    expect(await entriesOf('tenant.suspend')).toMatchObject([
      { actor: 'admin key', address: '198.51.100.7', requestId: 'request-of-a-test', refusedAttempts: null },
    ]);
  });

  it('has the address of the connection when no proxy forwarded another', async () => {
    const answer = await admin.send('POST', '/tenants/acme/resume');
    expect(await entriesOf('tenant.resume')).toMatchObject([
      { address: '127.0.0.1', requestId: answer.headers.get('x-request-id') },
    ]);
  });

  it('has neither for changes that came otherwise, as in entries of earlier releases', async () => {
    await app.database.admin(
      `INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject, before, after)
       VALUES ('admin key', 'tenant.change', 'tenant', 'x', 'x', NULL, NULL)`,
    );
    for (const action of ['tenant.change', 'api-key.issue']) {
      expect((await entriesOf(action))[0]).toMatchObject({ address: null, requestId: null, refusedAttempts: null });
    }
  });
});
