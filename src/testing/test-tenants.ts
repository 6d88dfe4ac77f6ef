import type { DataSource, EntityManager } from 'typeorm';
import { ApiKeys } from '../admin/api-keys/api-keys.js';
import { TenantProvisioner } from '../admin/tenants/tenant-provisioner.js';
import { TENANTRY_ACTOR } from '../catalog/audit/actor.js';
import { ConnectionTargetEntity } from '../catalog/entities/connection-target.entity.js';
import { OperationEntity } from '../catalog/entities/operation.entity.js';
import { TenantEntity } from '../catalog/entities/tenant.entity.js';
import type { ControlPlaneSession } from '../cli/session/control-plane-session.js';
import type { NewTestTenant, TestTenant } from './test-tenancy.js';

/** Creates tenants with the control plane's own services, and puts them back. */
export class TestTenants {
  constructor(private readonly session: ControlPlaneSession) {}

  /** @throws what `TenantProvisioner.provision` throws */
  async create({ slug, isolation = 'row' }: NewTestTenant): Promise<TestTenant> {
    const { id } = await this.session.get(TenantProvisioner).provision({ slug, isolation });
    return { slug, id, isolation, apiKey: await this.issueKey(id) };
  }

  /**
   * Takes all tenants but these out of the catalog. What they had is dropped with the tenancy: an orderly deletion gives
   * other instances seconds to end their work.
   *
   * @returns their slugs
   */
  async removeOthers(kept: readonly TestTenant[]): Promise<readonly string[]> {
    const ids = new Set(kept.map(({ id }) => id));
    const all = await this.catalog.getRepository(TenantEntity).find({ relations: { target: true } });
    const others = all.filter(({ id, status }) => !ids.has(id) || status === 'deleting');
    for (const other of others) await this.catalog.transaction((catalog) => remove(catalog, other));
    return others.map(({ slug }) => slug);
  }

  /** The tenant as it was created: active, without limits, with a valid key; created again when it is gone. */
  async restore(tenant: TestTenant): Promise<TestTenant> {
    const tenants = this.catalog.getRepository(TenantEntity);
    const found = await tenants.findOneBy({ id: tenant.id });
    if (!found) return this.create(tenant);
    if (found.status !== 'active' || Object.keys(found.limits).length > 0) {
      await tenants.update(tenant.id, { status: 'active', limits: {}, message: null });
    }
    const isValid = await this.session.get(ApiKeys).isValid(tenant.apiKey, tenant.id);
    return isValid ? tenant : { ...tenant, apiKey: await this.issueKey(tenant.id) };
  }

  /** The version of each tenant in the catalog. */
  async versions(): Promise<ReadonlyMap<string, number>> {
    const all = await this.catalog.getRepository(TenantEntity).find();
    return new Map(all.map(({ slug, version }) => [slug, version]));
  }

  private get catalog(): DataSource {
    return this.session.catalog;
  }

  private async issueKey(id: string): Promise<string> {
    const issue = (catalog: EntityManager) =>
      this.session.get(ApiKeys).issue(catalog, id, { name: 'test' }, TENANTRY_ACTOR);
    return (await this.catalog.transaction(issue)).token;
  }
}

async function remove(catalog: EntityManager, { id, target }: TenantEntity): Promise<void> {
  await catalog.update(OperationEntity, { tenantId: id, status: 'pending' }, { status: 'cancelled' });
  await catalog.delete(TenantEntity, id);
  if (target?.kind === 'dedicated') await catalog.delete(ConnectionTargetEntity, target.id);
}
