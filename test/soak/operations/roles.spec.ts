import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testServer } from '../../support/postgres/postgres.js';
import { SteadyLoad } from '../../support/load/steady-load.js';
import { TestApp } from '../../support/test-app.js';

const SIGNED = expect.stringMatching(/^tenantry signed @/);

interface Session {
  readonly role: string;
  readonly application: string;
}

let app: TestApp;

beforeAll(async () => {
  app = await TestApp.start();
});

afterAll(async () => app.dispose());

it('tenants are served with the login roles of their targets, and the owner role is used for operations only', async () => {
  const tenants = [await app.provision('by-row', 'row'), await app.provision('by-database', 'database')];
  const load = new SteadyLoad(
    () => [app],
    tenants.map(({ apiKey }) => apiKey),
  );
  const seen = new Map<string, Session>();
  const readSessions = async (): Promise<void> => {
    const sessions = await app.database.admin<Session>(
      `SELECT usename AS role, application_name AS application FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND datname IN (SELECT database FROM connection_targets)`, // not autovacuum's
    );
    for (const session of sessions) seen.set(`${session.role} ${session.application}`, session);
  };
  for (const isolation of ['row', 'schema', 'database'] as const) {
    const provisioned = app.provision(`new-${isolation}`, isolation).then(() => true);
    for (let isDone = false; !isDone;) {
      await readSessions();
      isDone = await Promise.race([provisioned, Promise.resolve(false)]);
    }
  }
  await load.stop();
  expect([...load.answers.keys()]).toEqual([200]);

  const { owner } = testServer();
  const roles = await app.database.admin<{ role: string }>('SELECT role FROM connection_targets');
  for (const { role, application } of seen.values()) {
    if (role === owner) expect(application).toMatch(/^tenantry owner @/);
    else expect([roles.map((target) => target.role).includes(role), application]).toEqual([true, SIGNED]);
  }
  expect([...seen.values()].map(({ role }) => role)).toContain(owner);
  expect([...seen.values()].map(({ application }) => application)).toContainEqual(SIGNED);
});
