import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { TenantStatus } from '../../catalog/model/tenant.js';
import type { ArchiveLock } from '../../database/archives/format/locks.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { transferArchive } from '../../database/archives/transfer-archive.js';
import type { ArchiveOptions } from '../../database/archives/write-archive.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { TargetDatabases } from '../targets/target-databases.js';

/** Whose data is complete, and stays. */
const ARCHIVED: readonly TenantStatus[] = ['active', 'suspended', 'maintenance'];

export type PlacedTenant = Pick<TenantEntity, 'id' | 'slug' | 'isolation' | 'schemaVersion'> & {
  readonly targetId: string;
  readonly schema: string;
};

/** Writes archives for operations that keep others from the tenant, so that it is not moved or deleted meanwhile. */
@Injectable()
export class TenantArchives {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
  ) {}

  /** @throws ConflictError when there is no complete data, or it belongs to no customer yet */
  assertComplete({ status, spareServerId }: Pick<TenantEntity, 'status' | 'spareServerId'>): void {
    if (!ARCHIVED.includes(status) || spareServerId !== null) throw new ConflictError(`the tenant is ${status}`);
  }

  /** @throws EntityNotFoundError, ConflictError when it has no place yet */
  async find(id: string | null): Promise<PlacedTenant> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
    const { targetId, schema } = tenant;
    if (targetId === null || schema === null) throw new ConflictError('the tenant has no place yet');
    return { ...tenant, targetId, schema };
  }

  /** Writes the tenant's rows, from one snapshot, while it works. @throws as `transferArchive` does */
  async write<T>(
    tenant: PlacedTenant,
    lock: ArchiveLock,
    save: (bytes: Readable) => Promise<T>,
    options: ArchiveOptions,
  ): Promise<{ readonly manifest: ArchiveManifest; readonly saved: T }> {
    const { targetId, schema, isolation } = tenant;
    return this.targets.use(
      await this.targets.find(targetId),
      (client) => {
        const place = { client, schema, isAlone: isolation !== 'row' };
        return transferArchive({ place, tenant, lock }, save, options);
      },
      { signal: options.signal },
    );
  }
}

export function rowsIn({ tables }: ArchiveManifest): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}
