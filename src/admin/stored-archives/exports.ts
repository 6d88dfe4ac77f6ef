import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { areRecipients } from '../../database/archives/format/locks.js';
import { Operations } from '../../operations/operations.js';
import { ConflictError, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { OBJECT_STORE } from '../archives/archive-sources.js';
import { InstallationKeys } from '../archives/installation-keys.js';
import { TenantArchives } from '../archives/tenant-archives.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { ArchiveStore } from './archive-store.js';
import { ExportKind } from './export.kind.js';
import type { NewExport } from './export.schemas.js';

/** Requests exports into the store. Each is an operation. */
@Injectable()
export class Exports {
  constructor(
    private readonly records: TenantRecords,
    private readonly operations: Operations,
    private readonly audit: AuditLog,
    private readonly kind: ExportKind,
    private readonly stores: ArchiveStore,
    private readonly archives: TenantArchives,
    private readonly keys: InstallationKeys,
  ) {}

  /**
   * @throws NotFoundError, ConflictError (`BACKUP_URL` is not set, the tenant has no complete data, another operation is in
   *   progress), ValidationFailedError (a recipient is none)
   */
  async request(
    catalog: EntityManager,
    slugOrId: string,
    { recipients: given }: NewExport,
    actor: Actor,
  ): Promise<OperationEntity> {
    if (!this.stores.isConfigured) throw new ConflictError('there is no place for exports: BACKUP_URL is not set');
    const recipients = given ?? [await this.keys.recipient()];
    if (!(await areRecipients(recipients))) {
      throw new ValidationFailedError([{ field: 'recipients', message: 'must be recipients of age that go together' }]);
    }
    const tenant = await this.records.lock(catalog, slugOrId);
    this.archives.assertComplete(tenant);
    const { id: tenantId, slug } = tenant;
    const operation = await this.operations.create(
      catalog,
      { kind: this.kind, input: { recipients }, tenantId, subject: slug, requires: [OBJECT_STORE] },
      actor,
    );
    const subject = { subjectKind: 'tenant', subjectId: tenantId, subject: slug } as const;
    const after = { format: 'archive', to: 'store', recipients };
    await this.audit.record(catalog, { actor, action: 'tenant.export', ...subject, after });
    return operation;
  }
}
