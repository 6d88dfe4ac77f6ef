import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { PgBouncer } from '../../../support/postgres/pgbouncer.js';
import { soon } from '../../../support/load/soon.js';
import { Bystander, codeOf, type RigTenant, SuspensionRig } from '../../../support/suspension/suspension-rig.js';

let pooler: PgBouncer;
let rig: SuspensionRig;
let acme: RigTenant;

beforeAll(async () => {
  pooler = await PgBouncer.start({ poolSize: 3 });
  rig = await SuspensionRig.open({ through: (target) => pooler.through(target) });
});

afterAll(async () => {
  await rig.close();
  await pooler.stop();
});

beforeEach(async () => {
  acme = await rig.tenant();
});

it.each([
  ['a statement', (text: string) => acme.dataSource.query(text)],
  ['a transaction', (text: string) => acme.dataSource.transaction((manager) => manager.query(text))],
  ['a session', (text: string) => rig.session(acme, (session) => session.query(text))],
])(
  '%s of a suspended tenant is cancelled at the server behind the pooler, without affecting other tenants',
  async (_, run) => {
    const bystander = new Bystander((await rig.tenant()).dataSource);
    const sleeping = codeOf(run(`SELECT ${acme.tag} pg_sleep(600)`));
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    expect(await sleeping).toBe('TENANT_SUSPENDED');
    await rig.untilBackends(acme, 0);
    const { served } = bystander;
    await soon(async () => expect(bystander.served).toBeGreaterThan(served + 5));
    await bystander.stop();
    expect(bystander.failures).toEqual([]);
  },
);
