import type { DataSource } from 'typeorm';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { TenantProvisioner } from '../../../src/admin/tenants/tenant-provisioner.js';
import { newServer } from '../../../src/admin/servers/server.schemas.js';
import { Servers } from '../../../src/admin/servers/servers.js';
import type { TestApp, TestTenant } from '../test-app.js';

export interface ServerLogin {
  readonly host: string;
  readonly port: number;
  readonly owner: string;
  readonly ownerPassword: string;
}

/** Registers another PostgreSQL server in the catalog, for tenants to be placed on. */
export async function registerServer(app: TestApp, name: string, login: ServerLogin): Promise<void> {
  const { nest } = app.application;
  const { host, port, owner: ownerRole, ownerPassword } = login;
  const server = newServer.parse({ name, host, port, ownerRole, ownerPassword });
  await nest
    .get<DataSource>(CATALOG)
    .transaction((catalog) => nest.get(Servers).register(catalog, server, TENANTRY_ACTOR));
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
