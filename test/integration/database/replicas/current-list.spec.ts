import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sourceOf } from '../../../../src/database/data-source/tenant-data-source.js';
import { ReadReplicas } from '../../../../src/database/replicas/read-replicas.js';
import { TenantAccess } from '../../../../src/database/statements/tenant-access.js';
import { TenantContext } from '../../../../src/tenant/context/tenant-context.js';
import { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';
import { soon } from '../../../support/load/soon.js';
import { ReplicatedApp } from '../../../support/replicas/replicated-app.js';
import { ADMIN_KEY, type TestTenant } from '../../../support/test-app.js';

// Behind a pooler, where a session has another connection target than the statements of its tenant.
let rig: ReplicatedApp;
let tenant: TestTenant;
let access: TenantAccess;
let connections: TenantConnectionService;

beforeAll(async () => {
  rig = await ReplicatedApp.start({}, {}, true);
  tenant = await rig.app.provision('acme', 'row');
  connections = rig.app.application.nest.get(TenantConnectionService);
  const context = rig.app.application.nest.get(TenantContext);
  access = await connections.run(tenant, async () => sourceOf(context.current().dataSource).access);
  await untilReadFromReplica();
}, 60_000);

afterAll(() => rig.stop());

async function untilReadFromReplica(): Promise<void> {
  const { reads } = rig.counts;
  await soon(async () => {
    expect((await rig.get(tenant, 0)).status).toBe(200);
    expect(rig.counts.reads).toBeGreaterThan(reads);
  });
}

it('the replica is read as before while a session is open, and after it', async () => {
  const before = rig.counts;
  await connections.run(tenant, () => connections.session((session) => session.query('SELECT 1')));
  for (let turn = 0; turn < 5; turn += 1) expect((await rig.get(tenant, 1)).status).toBe(200);
  const { reads, fallbacks } = rig.counts;
  expect([reads, fallbacks]).toEqual([before.reads + 5, before.fallbacks]);
});

/** As the opening of another tenant of the server does once the catalog has another list. */
function list(...replicas: { host: string; port: number }[]): void {
  const { target } = access.pool;
  const another = new TenantAccess(access.pool, access.stamp, access.share);
  rig.app.application.nest.get(ReadReplicas).attach(another, { ...target, server: { ...target.server, replicas } });
}

it('a tenant that was opened before the list was replaced reads from the replicas of the new one', async () => {
  list({ host: '127.0.0.1', port: 1 }, rig.replica.address);
  await untilReadFromReplica();
});

it('a replica that was taken from the list is neither read nor reported', async () => {
  list();
  const { fallbacks } = rig.counts;
  expect((await rig.get(tenant, 0)).status).toBe(200);
  expect(rig.counts).toEqual({ reads: 0, fallbacks });
  expect((await rig.app.call('/health/ready')).body.details).not.toHaveProperty('readReplicas');
  expect((await rig.app.call('/metrics', { apiKey: ADMIN_KEY })).text).not.toMatch(/^tenantry_replica_up/m);
});
