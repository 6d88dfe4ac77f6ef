import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../../support/admin/admin-client.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import { ADMIN_KEY, type Json, TestApp } from '../../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  await app.provision('acme', 'database');
});

afterAll(async () => app.dispose());

const failures = ({ findings }: Json): Json[] => findings.filter(({ verdict }: Json) => verdict === 'fail');

it('answers what fails, with what to do, and without secrets', async () => {
  const sound = await admin.send('GET', '/doctor');
  expect(sound).toMatchObject({ status: 200, body: { healthy: true } });
  expect(failures(sound.body)).toEqual([]);
  expect(sound.body.findings.length).toBeGreaterThan(5);

  const [target] = await app.database.admin<{ role: string }>(
    "SELECT role FROM connection_targets WHERE kind = 'dedicated'",
  );
  await asSuperuser('postgres', `ALTER ROLE "${target!.role}" BYPASSRLS`);
  const report = await admin.send('GET', '/doctor');
  expect(report.body.healthy).toBe(false);
  expect(failures(report.body)[0]).toMatchObject({ check: 'login-role', remedy: expect.any(String) });
  for (const secret of [ADMIN_KEY, new URL(app.database.url).password]) expect(report.text).not.toContain(secret);
});
