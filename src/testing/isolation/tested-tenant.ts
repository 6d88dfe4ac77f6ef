import { randomBytes } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import type { DataSource, EntityManager } from 'typeorm';
import { ApiKeys } from '../../admin/api-keys/api-keys.js';
import { ApiKeysModule } from '../../admin/api-keys/api-keys.module.js';
import { TenantLifecycle } from '../../admin/tenants/tenant-lifecycle.js';
import { TenantProvisioner } from '../../admin/tenants/tenant-provisioner.js';
import { TenantsModule } from '../../admin/tenants/tenants.module.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import type { Isolation, Tenant } from '../../catalog/model/tenant.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { TenantLookup } from '../../tenant/directory/tenant-lookup.js';

const ACTOR = { name: 'isolation check' };

/** A tenant that the check has made, and where its rows are. */
export interface TestedTenant {
  readonly tenant: Tenant;
  readonly schema: string;
  /** With the login role under which the application works. */
  readonly target: ConnectionTarget;
  /** With the role that owns the tables. */
  readonly owner: ConnectionTarget;
}

/** Makes and deletes the tenants of a check, through the application's own services. */
export class TestedTenants {
  private constructor(
    private readonly app: INestApplication,
    private readonly provisioner: TenantProvisioner,
    private readonly lifecycle: TenantLifecycle,
    private readonly runner: OperationRunner,
    private readonly keys: ApiKeys,
  ) {}

  /** Loads what an application without `controlPlane` lacks. */
  static async of(app: INestApplication): Promise<TestedTenants> {
    const loader = app.get(LazyModuleLoader, { strict: false });
    const tenants = await loader.load(() => TenantsModule);
    const keys = await loader.load(() => ApiKeysModule);
    return new TestedTenants(
      app,
      tenants.get(TenantProvisioner, { strict: false }),
      tenants.get(TenantLifecycle, { strict: false }),
      tenants.get(OperationRunner, { strict: false }),
      keys.get(ApiKeys, { strict: false }),
    );
  }

  async create(isolation: Isolation): Promise<TestedTenant> {
    const slug = `isolation-${randomBytes(6).toString('hex')}`;
    const tenant = await this.provisioner.provision({ slug, isolation }, ACTOR);
    const target = await this.app.get(TenantLookup, { strict: false }).target(tenant.targetId ?? '');
    if (!target || tenant.schema === null) throw new Error(`the tenant ${slug} was not provisioned`);
    const { server, database } = await this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOneOrFail({ where: { id: target.id }, relations: { server: true } });
    const owner = this.app.get(ServerOwner, { strict: false }).of(server, database);
    return { tenant, schema: tenant.schema, target, owner };
  }

  async issueKey({ tenant }: TestedTenant): Promise<string> {
    const issue = (catalog: EntityManager) => this.keys.issue(catalog, tenant.id, { name: 'isolation check' }, ACTOR);
    return (await this.catalog.transaction(issue)).token;
  }

  /** Of the other tenants in its database, which have the same tables as the tenant's own. */
  async otherSchemas({ tenant, schema }: TestedTenant): Promise<string[]> {
    const others = await this.catalog.getRepository(TenantEntity).findBy({ targetId: tenant.targetId ?? '' });
    return others.flatMap((other) => (other.schema === null || other.schema === schema ? [] : [other.schema]));
  }

  async delete({ tenant }: TestedTenant): Promise<void> {
    const { id } = await this.lifecycle.delete(tenant.slug, { graceSeconds: 0 }, ACTOR);
    await this.runner.runToCompletion(id);
  }

  private get catalog(): DataSource {
    return this.app.get<DataSource>(CATALOG, { strict: false });
  }
}
