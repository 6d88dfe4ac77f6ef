import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newApiKey } from '../../../src/catalog/model/api-key.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { Exposition } from '../../support/metrics/exposition.js';
import { ADMIN_KEY, type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

const ATTACKER = '198.51.100.7';
const OPERATOR = '203.0.113.9';

describe('guessing the admin key', () => {
  let app: TestApp;
  let acme: TestTenant;
  let answers: Answer[];

  const from = (address: string, apiKey: string, path = '/admin/v1/tenants'): Promise<Answer> =>
    app.call(path, { apiKey, headers: { 'x-forwarded-for': address } });

  beforeAll(async () => {
    app = await TestApp.start({ TRUSTED_PROXIES: '127.0.0.1' });
    acme = await app.provision('acme', 'row');
    answers = [];
    // On any route: a tenant's would tell as well that the key is right, by another code.
    for (let n = 0; n < 30; n += 1) {
      answers.push(await from(ATTACKER, `guess-number-${n}`, n % 2 === 0 ? undefined : '/api/v1/tenant'));
    }
  });

  afterAll(async () => app.dispose());

  it('is answered with 429 and Retry-After from the tenth wrong key on', () => {
    const outcomes = answers.map(({ status, body }) => `${status} ${body.code}`);
    expect(outcomes.slice(0, 10)).toEqual(outcomes.slice(0, 10).fill('401 UNAUTHENTICATED'));
    expect(outcomes.slice(10)).toEqual(outcomes.slice(10).fill('429 RATE_LIMITED'));
    expect(answers[10]!.headers.get('retry-after')).toBe('1');
  });

  it('is counted in the metrics, by what was done about it', async () => {
    const page = new Exposition((await from(OPERATOR, ADMIN_KEY, '/metrics')).text);
    const count = (reason: string) => page.value('tenantry_admin_key_refused_total', { reason });
    expect([count('wrong'), count('delayed')]).toEqual([10, 20]);
  });

  it('delays the right key from that address, and neither other addresses nor credentials of tenants', async () => {
    expect((await from(OPERATOR, ADMIN_KEY)).status).toBe(200);
    expect((await from(ATTACKER, acme.apiKey, '/api/v1/tenant')).status).toBe(200);
    await soon(async () => expect((await from(ATTACKER, ADMIN_KEY)).status).toBe(200));
  });

  it('is in the audit log with its address: at once when the back-off begins, and as one entry for the rest', async () => {
    const refused = async (instance: TestApp): Promise<Json[]> =>
      (await new AdminClient(instance).get('/audit?action=admin-key.refused')).body.items;
    await soon(async () =>
      expect(await refused(app)).toMatchObject([
        { actor: 'unidentified', address: ATTACKER, refusedAttempts: 10, subjectKind: 'admin-key' },
      ]),
    );
    await app.stop();
    app = await TestApp.over(app.database, { TRUSTED_PROXIES: '127.0.0.1' });
    const entries = await refused(app);
    expect(entries.map(({ refusedAttempts }) => refusedAttempts)).toEqual([expect.any(Number), 10]);
    expect(entries[0].refusedAttempts).toBeGreaterThanOrEqual(20);
    expect(JSON.stringify(entries)).not.toContain('guess-number');
  });

  it('is not what expired credentials of tenants are taken for', async () => {
    for (let n = 0; n < 15; n += 1) {
      expect((await from('192.0.2.1', n % 2 === 0 ? newApiKey().token : 'a.b.c', '/api/v1/tenant')).status).toBe(401);
    }
    expect((await from('192.0.2.1', ADMIN_KEY)).status).toBe(200);
  });
});
