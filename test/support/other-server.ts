import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../src/catalog/catalog-data-source.js';
import { ServerEntity } from '../../src/catalog/entities/server.entity.js';
import { ownerPasswordPlace } from '../../src/catalog/server-owner.js';
import type { Isolation } from '../../src/catalog/tenant.js';
import { TenantProvisioner } from '../../src/control-plane/provisioning/tenant-provisioner.js';
import { KeyRing } from '../../src/sealing/key-ring.js';
import type { TestApp, TestTenant } from './test-app.js';

export interface ServerLogin {
  readonly host: string;
  readonly port: number;
  readonly owner: string;
  readonly ownerPassword: string;
}

/** Makes one more PostgreSQL known to the catalog, for tenants to be put on. */
export async function registerServer(app: TestApp, name: string, login: ServerLogin): Promise<void> {
  const { nest } = app.application;
  const id = randomUUID();
  const ownerPasswordSealed = nest.get(KeyRing).seal(login.ownerPassword, ownerPasswordPlace(id));
  const { host, port, owner: ownerRole } = login;
  await nest
    .get<DataSource>(CATALOG)
    .getRepository(ServerEntity)
    .insert({ ...{ id, name, host, port, tls: 'disable', ownerRole, ownerPasswordSealed }, maxConnections: null });
}

export async function provisionOn(
  app: TestApp,
  server: string,
  slug: string,
  isolation: Isolation,
): Promise<TestTenant> {
  const tenant = await app.application.nest.get(TenantProvisioner).provision({ slug, isolation, server });
  return { ...tenant, apiKey: await app.issueKey(tenant) };
}
