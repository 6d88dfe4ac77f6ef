import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { Operations } from '../../operations/operations.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { TenantArchives } from '../archives/tenant-archives.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { BackupKind } from './backup.kind.js';
import { ArchiveStore } from '../stored-archives/archive-store.js';

/** Requests backups. Each is an operation. */
@Injectable()
export class Backups {
  constructor(
    private readonly records: TenantRecords,
    private readonly operations: Operations,
    private readonly audit: AuditLog,
    private readonly kind: BackupKind,
    private readonly stores: ArchiveStore,
    private readonly archives: TenantArchives,
  ) {}

  /**
   * @throws NotFoundError, ConflictError (`BACKUP_URL` is not set, the tenant has no complete data, another operation is in
   *   progress)
   */
  async request(catalog: EntityManager, slugOrId: string, actor: Actor): Promise<OperationEntity> {
    if (!this.stores.isConfigured) throw new ConflictError('there is no place for backups: BACKUP_URL is not set');
    const operation = await this.create(catalog, slugOrId, {}, actor);
    const subject = { subjectKind: 'tenant', subjectId: operation.tenantId ?? '', subject: operation.subject } as const;
    await this.audit.record(catalog, { actor, action: 'tenant.backup', ...subject });
    return operation;
  }

  /** For a due time of the schedule: not in the audit log, which would have little else. @throws NotFoundError, ConflictError */
  async schedule(catalog: EntityManager, tenantId: string, scheduledAt: Date, actor: Actor): Promise<OperationEntity> {
    return this.create(catalog, tenantId, { scheduledAt: scheduledAt.toISOString() }, actor);
  }

  private async create(
    catalog: EntityManager,
    slugOrId: string,
    input: object,
    actor: Actor,
  ): Promise<OperationEntity> {
    const tenant = await this.records.lock(catalog, slugOrId);
    this.archives.assertComplete(tenant);
    const { id: tenantId, slug: subject } = tenant;
    return this.operations.create(catalog, { kind: this.kind, input, tenantId, subject }, actor);
  }
}
