import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { insertTenants, randomSlug } from '../../support/cache/lookup-instance.js';
import { testServer } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { codeOf, type RigTenant, SuspensionRig, untilRefused } from '../../support/suspension/suspension-rig.js';

const MARK = 'INSERT INTO marks DEFAULT VALUES';

let asked: TcpProxy;
let notifications: TcpProxy;
let rig: SuspensionRig;
let acme: RigTenant;

beforeAll(async () => {
  asked = await TcpProxy.before(testServer());
  notifications = await TcpProxy.before(testServer());
  rig = await SuspensionRig.open({
    askedThrough: (target) => asked.through(target),
    notificationsThrough: (target) => notifications.through(target),
  });
});

afterAll(async () => {
  await rig.close();
  await asked.close();
  await notifications.close();
});

beforeEach(async () => {
  acme = await rig.tenant();
});

afterEach(async () => {
  asked.thaw();
  notifications.mend();
  await soon(async () => expect(rig.instance.feed.connected).toBe(true));
});

const mark = (): Promise<string> => codeOf(acme.dataSource.query(MARK));

describe.each([
  ['suspended', 'TENANT_SUSPENDED'],
  ['maintenance', 'TENANT_UNAVAILABLE'],
  ['moving', 'TENANT_UNAVAILABLE'],
  ['deleting', 'TENANT_UNAVAILABLE'],
  ['failed', 'TENANT_UNAVAILABLE'],
  ['provisioning', 'TENANT_UNAVAILABLE'],
])('a tenant set to "%s"', (status, code) => {
  it(`has its work rejected with ${code}, and is served again once it is active`, async () => {
    const loop = untilRefused(() => acme.dataSource.query(MARK));
    const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(30)`));
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, status);
    expect([await loop, await sleeping]).toEqual([code, code]);
    await rig.setStatus(acme, 'active');
    await soon(async () => expect(await mark()).toBe('done'));
  });
});

it('a deleted tenant has its work ended and is not served any more', async () => {
  const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(30)`));
  await rig.untilBackends(acme, 1);
  await rig.catalog.admin('DELETE FROM tenants WHERE id = $1', [acme.id]);
  expect(await sleeping).toBe('TENANT_UNAVAILABLE');
  expect(await mark()).toBe('TENANT_UNAVAILABLE');
});

it('a tenant suspended without work in progress is rejected at its next statement', async () => {
  expect(await mark()).toBe('done');
  const umbrella = await rig.tenant();
  await rig.setStatus(acme, 'suspended');
  await rig.setStatus(umbrella, 'suspended'); // never seen before
  await soon(async () => expect(await mark()).toBe('TENANT_SUSPENDED'));
  expect(await codeOf(umbrella.dataSource.query(MARK))).toBe('TENANT_SUSPENDED');
});

it('a tenant that is suspended and resumed at once keeps its work in progress', async () => {
  const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(1.5)`));
  await rig.untilBackends(acme, 1);
  await rig.setStatus(acme, 'suspended');
  await untilRefused(() => acme.dataSource.query(MARK));
  await rig.setStatus(acme, 'active');
  expect(await sleeping).toBe('done');
});

it('a change that leaves the tenant active ends no work', async () => {
  const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(1.5)`));
  const marks: Promise<string>[] = [];
  for (let n = 0; n < 20; n += 1) {
    await rig.catalog.admin('UPDATE tenants SET message = $1 WHERE id = $2', [`change ${n}`, acme.id]);
    marks.push(mark());
  }
  expect(await sleeping).toBe('done');
  expect(new Set(await Promise.all(marks))).toEqual(new Set(['done']));
});

it('changes of thousands of tenants without work in progress cost no catalog query', async () => {
  await rig.catalog.admin(insertTenants(Array.from({ length: 3_000 }, randomSlug)));
  await mark();
  const { loads } = rig.instance.cache.snapshot();
  await rig.catalog.admin(`UPDATE tenants SET message = 'migrated' WHERE status = 'maintenance'`);
  await rig.setStatus(acme, 'suspended');
  await soon(async () => expect(await mark()).toBe('TENANT_SUSPENDED')); // everything announced before it has arrived as well
  expect(rig.instance.cache.snapshot().loads - loads).toBeLessThan(5);
});

describe('while catalog notifications are interrupted', () => {
  it('a loop of statements of a suspended tenant is still ended', async () => {
    await mark();
    notifications.cut();
    await soon(async () => expect(rig.instance.feed.connected).toBe(false));
    const loop = untilRefused(() => acme.dataSource.query(MARK));
    await rig.setStatus(acme, 'suspended');
    expect(await loop).toBe('TENANT_SUSPENDED');
    expect(rig.instance.feed.connected).toBe(false);
  });

  it('a running statement of a suspended tenant is ended when notifications resume', async () => {
    const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(30)`));
    await rig.untilBackends(acme, 1);
    notifications.cut();
    await soon(async () => expect(rig.instance.feed.connected).toBe(false));
    await rig.setStatus(acme, 'suspended');
    notifications.mend();
    expect(await sleeping).toBe('TENANT_SUSPENDED');
  });
});

describe('while the catalog does not answer', () => {
  it('a served tenant is still served before its status check fails, and a suspension takes effect when the catalog answers', async () => {
    expect(await mark()).toBe('done');
    asked.freeze();
    await rig.setStatus(acme, 'suspended');
    const { loads, loadFailures } = rig.instance.cache.snapshot();
    const codes = new Set<string>();
    while (rig.instance.cache.snapshot().loads === loads) codes.add(await mark());
    expect(rig.instance.cache.snapshot().loadFailures).toBe(loadFailures); // served before the status check has failed
    for (const code of await codesOf(50, mark)) codes.add(code);
    expect(codes).toEqual(new Set(['done']));
    asked.thaw();
    await soon(async () => expect(await mark()).toBe('TENANT_SUSPENDED'));
  });

  it('a rejected tenant stays rejected', async () => {
    await mark();
    await rig.setStatus(acme, 'suspended');
    await soon(async () => expect(await mark()).toBe('TENANT_SUSPENDED'));
    asked.freeze();
    await rig.setStatus(acme, 'active');
    expect(await codesOf(20, mark)).toEqual(new Set(['TENANT_SUSPENDED']));
    asked.thaw();
    await soon(async () => expect(await mark()).toBe('done'));
  });
});

async function codesOf(times: number, work: () => Promise<string>): Promise<Set<string>> {
  const codes = new Set<string>();
  for (let n = 0; n < times; n += 1) codes.add(await work());
  return codes;
}
