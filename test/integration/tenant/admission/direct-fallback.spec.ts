import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { TargetPool } from '../../../../src/database/pool/target-pool.js';
import { soon } from '../../../support/load/soon.js';
import { testServer } from '../../../support/postgres/postgres.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import { codeOf, type RigTenant, SuspensionRig } from '../../../support/suspension/suspension-rig.js';

let proxy: TcpProxy;
let rig: SuspensionRig;
let acme: RigTenant;
let pool: TargetPool;

beforeAll(async () => {
  proxy = await TcpProxy.before(testServer());
  rig = await SuspensionRig.open({ through: (target) => proxy.through(target) });
});

afterAll(async () => {
  await rig.close();
  await proxy.close();
});

beforeEach(async () => {
  acme = await rig.tenant();
  ({ pool } = rig.pools.get(acme.placement.target));
  pool.acquire = () => {
    throw new TypeError('a defect of the pool');
  };
});

it('a suspension also ends work on a direct connection of the fallback', async () => {
  const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(30)`));
  await rig.untilBackends(acme, 1);
  expect(pool.snapshot().fallbacks).toBeGreaterThan(0);
  await rig.setStatus(acme, 'suspended');
  expect(await sleeping).toBe('TENANT_SUSPENDED');
  await rig.untilBackends(acme, 0);
  expect(await codeOf(acme.dataSource.query('SELECT 1'))).toBe('TENANT_SUSPENDED');
  await rig.setStatus(acme, 'active');
  await soon(async () => expect(await codeOf(acme.dataSource.query('SELECT 1'))).toBe('done'));
  await soon(async () => expect(pool.budget.open).toBe(0)); // every slot was released
});

it('a direct connection that is being opened when the tenant is suspended is not used', async () => {
  const mark = (): Promise<string> => codeOf(acme.dataSource.query('INSERT INTO marks DEFAULT VALUES'));
  expect(await codeOf(acme.dataSource.query('SELECT 1'))).toBe('done');
  await soon(async () => expect(pool.budget.open).toBe(0));
  proxy.freeze();
  const opening = mark();
  await soon(async () => expect(pool.budget.open).toBeGreaterThan(0));
  await rig.setStatus(acme, 'suspended');
  await soon(async () => expect(await mark()).toBe('TENANT_SUSPENDED')); // the one that opens is past that door
  proxy.thaw();
  expect(await opening).toBe('TENANT_SUSPENDED');
  expect(await rig.lastMark(acme)).toBeNull();
  await soon(async () => expect(pool.budget.open).toBe(0));
});
