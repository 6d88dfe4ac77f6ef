import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { newServer } from '../../../src/admin/servers/server.schemas.js';
import { Servers } from '../../../src/admin/servers/servers.js';
import { testServer } from '../../support/postgres/postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { migration, ownerTarget } from '../../support/tables/migration-fixture.js';
import { Fleet, type Instance, NOTES, TITLE } from '../../support/fleet/fleet.js';
import { Gate } from '../../support/fleet/gate.js';

const [OLD, NEW] = ['Notes1764000000001', 'Title1764000000002'];

let fleet: Fleet;
let old: Instance;
let proxy: TcpProxy;

beforeEach(async () => {
  fleet = await Fleet.create();
  old = await fleet.instance([NOTES]);
  proxy = await TcpProxy.before(testServer());
});
afterEach(async () => {
  await fleet.dispose();
  await proxy.close();
});

/** The same PostgreSQL, which is another one as far as the catalog knows: its databases have names of their own. */
async function registerAnother(name: string): Promise<void> {
  const { owner: ownerRole, ownerPassword } = testServer();
  const { host, port } = proxy.through(ownerTarget('postgres')).server;
  const asked = newServer.parse({ name, host, port, ownerRole, ownerPassword });
  await old.catalog.transaction((catalog) => old.nest.get(Servers).register(catalog, asked, TENANTRY_ACTOR));
}

it('a fleet migration fails the tenants of a server that is down, and no others', async () => {
  await registerAnother('other');
  for (const n of [1, 2, 3]) await old.provision(`away${n}`, 'database', 'other');
  for (const n of [1, 2, 3]) await old.provision(`here${n}`, 'schema');
  proxy.cut();
  const newer = await fleet.instance([NOTES, TITLE]);
  const operation = await newer.migrate();
  expect(operation).toMatchObject({ status: 'failed', result: { migrated: 3, failed: 3, remaining: 0 } });
  const away = (await fleet.results(operation.id)).filter(({ slug }) => slug.startsWith('away'));
  expect(away.map(({ status, code, to }) => [status, code, to])).toEqual(
    Array(3).fill(['failed', 'TENANT_UNAVAILABLE', OLD]),
  );
  proxy.mend();
  expect(await newer.retry(operation.id)).toMatchObject({ status: 'succeeded', result: { migrated: 6, failed: 0 } });
});

it('a fleet migration waits for a server that does not answer once per wave', async () => {
  await registerAnother('other');
  for (const n of [1, 2, 3, 4]) await old.provision(`away${n}`, 'database', 'other');
  await old.provision('here', 'schema');
  proxy.freeze();
  const newer = await fleet.instance([NOTES, TITLE], { DB_CONNECT_TIMEOUT: '1' });
  const before = proxy.accepted;
  const operation = await newer.migrate({ parallelism: 1 });
  expect(proxy.accepted - before).toBe(1); // not one per tenant
  expect(operation.result).toMatchObject({ migrated: 1, failed: 4 });
  proxy.thaw();
});

it('a fleet migration works on servers in parallel, with the requested parallelism on each', async () => {
  await registerAnother('other');
  for (const n of [1, 2, 3]) await old.provision(`away${n}`, 'database', 'other');
  for (const n of [1, 2, 3]) await old.provision(`here${n}`, 'schema');
  const gate = new Gate();
  const newer = await fleet.instance([NOTES, gate.migration(() => true)]);
  const migrated = newer.migrate({ parallelism: 2, waveSize: 4 });
  await gate.reached(4); // two on each; no other unit begins before one of them has ended
  gate.open();
  expect(await migrated).toMatchObject({ status: 'succeeded', result: { migrated: 6 } });
});

it('a fleet migration never exceeds the requested parallelism', async () => {
  for (let n = 1; n <= 6; n += 1) await old.provision(`s${n}`, 'schema');
  const now = { open: 0, most: 0 };
  const counted = migration('Title1764000000002', async (runner) => {
    now.most = Math.max(now.most, (now.open += 1));
    await runner.query('SELECT pg_sleep(0.05)');
    now.open -= 1;
  });
  await (await fleet.instance([NOTES, counted])).migrate({ parallelism: 3 });
  expect(now.most).toBe(3);
  expect((await fleet.tenants()).map(({ version }) => version)).toEqual(Array(6).fill(NEW));
});
