import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AcknowledgedRows } from '../../support/load/acknowledged-rows.js';
import { CheckedLoad } from '../../support/load/checked-load.js';
import { soon } from '../../support/load/soon.js';
import { CatalogChangeFeed } from '../../../src/catalog/feed/catalog-change-feed.js';
import { type CatalogEvent, CatalogEvents } from '../../../src/catalog/feed/catalog-events.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { ADMIN_KEY, dropEverything, type Json, TestApp } from '../../support/test-app.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const ROUNDS = 3;
const SUBJECTS = [{ server: 'default' }, { tenant: 'turned-database' }] as const;

let database: TestDatabase;
let proxy: TcpProxy;
let apps: TestApp[];
let load: CheckedLoad;

beforeEach(async () => {
  database = await createTestDatabase('catalog');
  proxy = await TcpProxy.before(testServer());
  const behindProxy = new URL(database.url);
  behindProxy.host = proxy.address;
  apps = [await TestApp.over(database), await TestApp.over(database, { DATABASE_URL: behindProxy.href })];
  const [app] = apps as [TestApp, TestApp];
  const tenants: AcknowledgedRows[] = [];
  for (const [slug, isolation] of [
    ['turned-row', 'row'],
    ['turned-other-row', 'row'],
    ['turned-schema', 'schema'],
    ['turned-database', 'database'],
  ] as const) {
    const rows = new AcknowledgedRows(slug, (await app.provision(slug, isolation)).apiKey);
    await rows.fill(app.url);
    tenants.push(rows);
  }
  load = new CheckedLoad(new Map(apps.map(({ url }, n) => [`instance ${n}`, url])), tenants);
});

afterEach(async () => {
  await load.stop();
  await Promise.all(apps.map((app) => app.stop()));
  await proxy.close();
  await dropEverything(database);
});

async function ask(body: object): Promise<string> {
  const asked = await apps[0]!.call('/admin/v1/operations', { method: 'POST', apiKey: ADMIN_KEY, body });
  expect(asked.status).toBe(202);
  return asked.body.id;
}

async function operation(id: string): Promise<Json> {
  return (await apps[0]!.call(`/admin/v1/operations/${id}`, { apiKey: ADMIN_KEY })).body;
}

async function rotated(id: string): Promise<void> {
  await soon(async () => expect((await operation(id)).status).toBe('succeeded'));
}

/** The target's version changes with its key. */
async function versions(): Promise<unknown[]> {
  return database.admin('SELECT id, version, stamp_key_sealed FROM connection_targets ORDER BY id');
}

describe('rotations of the keys of stamps under load', () => {
  it('fail no request and hide no row, over and over, in the shared database and in a dedicated one', async () => {
    const before = await versions();
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const subject of SUBJECTS) {
        const id = await ask({ kind: 'rotate-stamp-key', ...subject, graceSeconds: 2 });
        await load.phase(`round ${round}, rotating ${Object.values(subject).join()}`, 20);
        await rotated(id);
        await load.phase(`round ${round}, rotated ${Object.values(subject).join()}`, 50);
      }
    }
    await load.stop();
    process.stdout.write(`${JSON.stringify(load.phases)}\n`);
    expect(load.faults).toEqual([]);
    const after = await versions();
    expect(
      after.filter((target) => before.some((former) => JSON.stringify(former) === JSON.stringify(target))),
    ).toEqual([]);
  }, 180_000);

  it('fail no request on an instance that misses the notification, until it notices within the grace', async () => {
    const [notified, cutOff] = apps as [TestApp, TestApp];
    for (const subject of SUBJECTS) {
      const events: CatalogEvent['kind'][] = [];
      const unsubscribe = cutOff.application.nest
        .get(CatalogEvents)
        .subscribe('health', ({ kind }) => void events.push(kind));
      events.length = 0; // `subscribe` itself reports that the feed is connected
      await forgetNotifications();
      const id = await ask({ kind: 'rotate-stamp-key', ...subject, graceSeconds: 15 });
      await soon(async () => {
        const { steps } = await operation(id);
        expect(steps).toContainEqual({ name: 'drain', status: 'running' });
      });
      await load.phase(`${Object.values(subject).join()}: signed with both keys`, 50);
      await soon(async () => expect(events).toContain('restored'));
      expect(events).toEqual(['lost', 'restored']); // never the change itself
      expect(await operation(id)).toMatchObject({ status: 'running' });
      await rotated(id);
      await load.phase(`${Object.values(subject).join()}: rotated`, 100);
      unsubscribe();
    }
    await load.stop();
    process.stdout.write(`${JSON.stringify(load.phases)}\n`);
    expect(load.faults).toEqual([]);
    expect(notified.application.nest.get(CatalogChangeFeed).connected).toBe(true);
  }, 180_000);
});

/** Cuts the connection over which the instance behind the proxy receives notifications, unnoticed by both sides. */
async function forgetNotifications(): Promise<void> {
  const listening = await database.admin<{ port: number }>(
    `SELECT client_port AS port FROM pg_stat_activity
     WHERE ${isNamedFor('signed notifications')} AND datname = current_database()`,
  );
  expect(proxy.forgetLinks(listening.map(({ port }) => port))).toBe(1);
}
