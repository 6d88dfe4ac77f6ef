import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { BackupEntity } from '../../catalog/entities/backup.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import type { OpenableArchive } from '../archives/archive-sources.js';
import { Imports } from '../archives/imports.js';
import { Restores } from '../restores/restores.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { newTenant } from '../tenants/tenant.schemas.js';
import { BackupKeys } from './backup-keys.js';
import type { NewRestore } from './backup.schemas.js';
import { BackupRecords } from './backup-records.js';
import { ArchiveStore } from '../stored-archives/archive-store.js';

/** Restores backups: over the tenants that were backed up, or as other ones. */
@Injectable()
export class BackupRestores {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly imports: Imports,
    private readonly restores: Restores,
    private readonly backups: BackupRecords,
    private readonly records: TenantRecords,
    private readonly stores: ArchiveStore,
    private readonly keys: BackupKeys,
  ) {}

  /**
   * The rows get the isolation and the server of the tenant that was backed up, unless `options` name others.
   *
   * @throws NotFoundError (backup or server), ConflictError (`BACKUP_URL` is not set, the backup does not count, the slug is in
   *   use, the server is draining), ValidationFailedError; without `as`, the errors of `Restores.request`
   */
  async request(id: string, { as, ...options }: NewRestore, actor: Actor): Promise<OperationEntity> {
    if (!this.stores.isConfigured) throw new ConflictError('BACKUP_URL is not set');
    const backup = await this.backups.kept(id);
    return as === undefined
      ? this.restores.request(backup, options, actor)
      : this.requestAs(as, backup, options, actor);
  }

  private async requestAs(
    slug: string,
    { id, tenantId, takenAt }: BackupEntity,
    options: Omit<NewRestore, 'as'>,
    actor: Actor,
  ): Promise<OperationEntity> {
    const tenant = await this.records.read(tenantId);
    const { isolation = tenant.isolation, server = tenant.server ?? undefined } = options;
    const origin = { tenant: { slug: tenant.slug }, takenAt: takenAt?.toISOString() ?? '' };
    const body = parseOrThrow(newTenant, { slug, isolation, server, placement: tenant.placement ?? undefined });
    return this.imports.requestOrResume(body, { kind: 'backup', id }, origin, actor);
  }

  /** For an operation that reads it. @throws NotFoundError, EntityNotFoundError when its tenant is deleted */
  async open(id: string): Promise<OpenableArchive> {
    const { tenantId, objectKey, takenAt } = await this.find(id);
    const store = await this.stores.open();
    const identities = [await this.keys.identityOf(tenantId)];
    return { read: (signal) => store.get(objectKey, { signal }), key: { identities }, takenAt: takenAt?.toISOString() };
  }

  private async find(id: string): Promise<BackupEntity> {
    const backup = await this.catalog.getRepository(BackupEntity).findOneBy({ id });
    if (!backup) throw new NotFoundError('backup');
    return backup;
  }
}
