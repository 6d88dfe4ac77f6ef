import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { SteadyLoad } from '../../support/load/steady-load.js';
import { ADMIN_KEY, dropEverything, TestApp } from '../../support/test-app.js';

const newKey = (): string => randomBytes(32).toString('base64');

let database: TestDatabase;
const running = new Set<TestApp>();

beforeAll(async () => {
  database = await createTestDatabase('catalog');
});

afterEach(async () => {
  await Promise.all([...running].map((app) => stop(app)));
});

afterAll(async () => dropEverything(database));

async function start(env: Record<string, string> = {}): Promise<TestApp> {
  const app = await TestApp.over(database, env);
  running.add(app);
  return app;
}

async function stop(app: TestApp): Promise<void> {
  running.delete(app);
  await app.stop();
}

describe('credentials rotated under load', () => {
  it('fail no request when login roles of a shared and a dedicated target change', async () => {
    const apps = [await start(), await start()];
    const [app] = apps as [TestApp, TestApp];
    const tenants = [await app.provision('rotated-own', 'database'), await app.provision('rotated-shared', 'row')];
    const before = await roles();
    const load = new SteadyLoad(
      () => apps,
      tenants.map(({ apiKey }) => apiKey),
    );
    for (const subject of [{ tenant: 'rotated-own' }, { server: 'default' }]) {
      const body = { kind: 'rotate-credentials', ...subject };
      const asked = await app.call('/admin/v1/operations', { method: 'POST', apiKey: ADMIN_KEY, body });
      expect(asked.status).toBe(202);
      await soon(async () => expect(await statusOf(app, asked.body.id)).toBe('succeeded'));
    }
    const served = load.total;
    await soon(async () => expect(load.total).toBeGreaterThan(served + 20)); // on the new roles only
    await load.stop();
    expect([...load.answers.keys()]).toEqual([200]);
    const after = await roles();
    expect(after.filter((role) => before.includes(role))).toEqual([]);
    expect(await existing([...before, ...after])).toEqual(after.toSorted());
  });

  it('fail no request when ENCRYPTION_KEYS change, and the old key is no longer needed', async () => {
    const [former, next] = [`former:${newKey()}`, `next:${newKey()}`];
    await database.admin('DELETE FROM tenants; DELETE FROM connection_targets');
    let current = await start({ ENCRYPTION_KEYS: former });
    const tenants = [await current.provision('sealed-own', 'database'), await current.provision('sealed-row', 'row')];
    const load = new SteadyLoad(
      () => [current],
      tenants.map(({ apiKey }) => apiKey),
    );
    // As in a rolling update: the key is known everywhere first, then encrypts, then the former one is removed.
    for (const keys of [`${former},${next}`, `${next},${former}`, next]) {
      const successor = await start({ ENCRYPTION_KEYS: keys });
      const predecessor = current;
      current = successor;
      if (keys.startsWith('next')) await soon(async () => expect(await sealedWith()).toEqual(['next']));
      await stop(predecessor);
    }
    const served = load.total;
    await soon(async () => expect(load.total).toBeGreaterThan(served + 20));
    await load.stop();
    expect([...load.answers.keys()]).toEqual([200]);
  });
});

async function statusOf(app: TestApp, id: string): Promise<string> {
  return (await app.call(`/admin/v1/operations/${id}`, { apiKey: ADMIN_KEY })).body.status;
}

async function roles(): Promise<string[]> {
  return (await database.admin<{ role: string }>('SELECT role FROM connection_targets')).map(({ role }) => role);
}

async function existing(names: readonly string[]): Promise<string[]> {
  const rows = await asSuperuser<{ name: string }>(
    'postgres',
    'SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY($1) ORDER BY 1',
    [names],
  );
  return rows.map(({ name }) => name);
}

/** Names of the keys that the catalog's secrets are encrypted with. */
async function sealedWith(): Promise<string[]> {
  const rows = await database.admin<{ key: string }>(
    "SELECT DISTINCT split_part(password_sealed, '.', 1) AS key FROM connection_targets",
  );
  return rows.map(({ key }) => key);
}
