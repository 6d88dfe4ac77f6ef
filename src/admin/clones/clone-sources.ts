import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { TenantStatus } from '../../catalog/model/tenant.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { CloneRefusedError } from './clone.errors.js';

/** In these a tenant has all of its rows. */
const CLONED: readonly TenantStatus[] = ['active', 'suspended', 'maintenance', 'moving'];

/** Where the tenant that is cloned has its rows. */
export interface CloneSource {
  readonly tenantId: string;
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
  readonly isAlone: boolean;
}

/** Why a tenant of this status is not cloned; undefined when it can be. */
export function refusalOf(status: TenantStatus): string | undefined {
  return CLONED.includes(status) ? undefined : `it is ${status}`;
}

/** Finds the tenant that is cloned, which is served meanwhile, and may be moved or deleted. */
@Injectable()
export class CloneSources {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
    private readonly records: TenantRecords,
  ) {}

  /** @throws CloneRefusedError when it has been deleted, or has not all of its rows */
  async find(tenantId: string): Promise<CloneSource> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneBy({ id: tenantId });
    if (!tenant) throw new CloneRefusedError(['it has been deleted']);
    const { status, isolation, targetId, schema } = tenant;
    const isErased = await this.records.isBeingErased(tenantId);
    const refusal =
      targetId === null || schema === null
        ? 'it has no place yet'
        : (refusalOf(status) ?? (isErased ? 'its data is being deleted' : undefined));
    if (refusal !== undefined) throw new CloneRefusedError([refusal]);
    const target = await this.targets.find(targetId ?? '');
    return { tenantId, target, schema: schema ?? '', isAlone: isolation !== 'row' };
  }

  /** Whether it has been moved since. @throws CloneRefusedError as `find` does */
  async hasMoved({ tenantId, target, schema }: CloneSource): Promise<boolean> {
    const now = await this.find(tenantId);
    return now.target.id !== target.id || now.schema !== schema;
  }
}
