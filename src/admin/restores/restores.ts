import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { BackupEntity } from '../../catalog/entities/backup.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import { Operations } from '../../operations/operations.js';
import { ArchiveSources } from '../archives/archive-sources.js';
import { MoveRequests } from '../moves/move-requests.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { RestoreKind } from './restore.kind.js';

/** Where the restored rows go. */
export interface RestorePlace {
  readonly isolation?: Isolation | undefined;
  /** Its name. */
  readonly server?: string | undefined;
}

/** Requests restores of backups over the tenants that were backed up. Each is an operation. */
@Injectable()
export class Restores {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly records: TenantRecords,
    private readonly requests: MoveRequests,
    private readonly operations: Operations,
    private readonly sources: ArchiveSources,
    private readonly kind: RestoreKind,
    private readonly audit: AuditLog,
  ) {}

  /**
   * @param backup one that counts
   * @throws NotFoundError (tenant or server), ConflictError (the tenant is being provisioned or deleted, has a move or restore
   *   that is not finished or another operation in progress; its rows would be twice in shared tables; the server is draining),
   *   MissingServerRightsError, MigrationRequiredError
   */
  async request(
    { id: backupId, tenantId }: Pick<BackupEntity, 'id' | 'tenantId'>,
    place: RestorePlace,
    actor: Actor,
  ): Promise<OperationEntity> {
    return this.catalog.transaction(async (catalog) => {
      const tenant = await this.records.lock(catalog, tenantId);
      const lock = { mode: 'pessimistic_read' } as const;
      const { server, isolation, refusals } = await this.requests.examineRestore(catalog, tenant, place, lock);
      if (refusals[0]) throw refusals[0];
      const { migrations } = this.schema; // older code could not migrate the rows
      const operation = await this.operations.create(
        catalog,
        {
          kind: this.kind,
          input: { backupId, isolation, serverId: server.id },
          tenantId,
          subject: tenant.slug,
          requiredCode: codeVersion(migrations),
          requiredMigrations: orderedNames(migrations),
          requires: [this.sources.requirementOf({ kind: 'backup' })],
        },
        actor,
      );
      const subject = { subjectKind: 'tenant', subjectId: tenantId, subject: tenant.slug } as const;
      const after = { backup: backupId, isolation, server: server.name };
      await this.audit.record(catalog, { actor, action: 'backup.restore', ...subject, after });
      return operation;
    });
  }
}
