import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import type { TenantScope } from '../../tenant/context/tenant-context.js';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';
import { TenantDirectory } from '../../tenant/directory/tenant-directory.js';

/** Where a tenant's tables are. That of a row tenant is recorded only when it becomes active. */
export interface HookPlace {
  readonly targetId: string;
  readonly schema: string;
}

/** Tenants as operations work on them: read from the catalog at once, and open while they are not served. */
@Injectable()
export class OperationScopes {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly directory: TenantDirectory,
    private readonly dataSources: TenantDataSources,
    private readonly settings: SettingsReader,
  ) {}

  /** Returns undefined when the tenant has been deleted. */
  async find(tenantId: string, place?: HookPlace): Promise<Tenant | undefined> {
    const entity = await this.catalog.getRepository(TenantEntity).findOneBy({ id: tenantId });
    return entity ? Object.freeze({ ...toTenant(entity), ...place }) : undefined;
  }

  /** Returns undefined when the tenant has no place yet. */
  async open(tenant: Tenant): Promise<TenantScope | undefined> {
    const { id: tenantId, targetId, schema } = tenant;
    if (targetId === null || schema === null) return undefined;
    const target = await this.directory.findTarget(targetId);
    if (!target) return undefined;
    const { settings, features, limits } = await this.settings.read(tenant);
    const placement = { tenantId, schema, target: target.value, limits, isOperation: true };
    return { tenant, dataSource: this.dataSources.create(placement), settings, features };
  }
}
