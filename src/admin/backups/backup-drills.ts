import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import { Operations } from '../../operations/operations.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { ArchiveSources } from '../archives/archive-sources.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { BackupRecords } from './backup-records.js';
import { ArchiveStore } from '../stored-archives/archive-store.js';
import { DrillKind } from './drill.kind.js';

/** Requests trials of backups. Each is an operation. */
@Injectable()
export class BackupDrills {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly backups: BackupRecords,
    private readonly tenants: TenantRecords,
    private readonly operations: Operations,
    private readonly audit: AuditLog,
    private readonly kind: DrillKind,
    private readonly sources: ArchiveSources,
    private readonly stores: ArchiveStore,
  ) {}

  /** @throws NotFoundError, ConflictError (`BACKUP_URL` is not set, the backup does not count) */
  async request(id: string, actor: Actor): Promise<OperationEntity> {
    if (!this.stores.isConfigured) throw new ConflictError('BACKUP_URL is not set');
    const { tenantId } = await this.backups.kept(id);
    const { slug } = await this.tenants.read(tenantId);
    const { migrations } = this.schema; // older code could not migrate the tables
    return this.catalog.transaction(async (catalog) => {
      const operation = await this.operations.create(
        catalog,
        {
          kind: this.kind,
          input: { backupId: id },
          tenantId,
          subject: slug,
          requiredCode: codeVersion(migrations),
          requiredMigrations: orderedNames(migrations),
          requires: [this.sources.requirementOf({ kind: 'backup' })],
        },
        actor,
      );
      const subject = { subjectKind: 'tenant', subjectId: tenantId, subject: slug } as const;
      await this.audit.record(catalog, { actor, action: 'backup.drill', ...subject, after: { backup: id } });
      return operation;
    });
  }

  /** The same for the newest backup of a tenant. @throws the same */
  async requestNewest(slugOrId: string, actor: Actor): Promise<OperationEntity> {
    const tenant = await this.tenants.read(slugOrId);
    const { id } = await this.backups.newest(tenant.id);
    return this.request(id, actor);
  }
}
