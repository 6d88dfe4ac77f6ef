import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { Operations } from '../../operations/operations.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { FinishMoveKind } from './finish-move.kind.js';
import { MoveBackKind } from './move-back.kind.js';
import { DEFAULT_PACE, type NewMove } from './move.schemas.js';
import { MoveKind } from './move.kind.js';
import { MoveRequests } from './move-requests.js';

/** Requests moves of tenants, their way back, and their end. Each is an operation. */
@Injectable()
export class Moves {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly records: TenantRecords,
    private readonly operations: Operations,
    private readonly requests: MoveRequests,
    private readonly audit: AuditLog,
    private readonly moveKind: MoveKind,
    private readonly backKind: MoveBackKind,
    private readonly finishKind: FinishMoveKind,
  ) {}

  /**
   * @throws NotFoundError (tenant or server), ConflictError (it is not served, is there already, has a move that is not finished
   *   or another operation in progress; the server is draining or lacks labels), NoServerWithRoomError, MissingServerRightsError,
   *   MigrationRequiredError
   */
  async move(catalog: EntityManager, slugOrId: string, request: NewMove, actor: Actor): Promise<OperationEntity> {
    const tenant = await this.records.lock(catalog, slugOrId);
    const lock = { mode: 'pessimistic_read' } as const; // the server cannot start draining before this transaction commits
    const { server, isolation, refusals } = await this.requests.examine(catalog, tenant, request, lock);
    if (refusals[0]) throw refusals[0];
    const { migrations } = this.schema; // older code would create outdated tables
    const operation = await this.operations.create(
      catalog,
      {
        kind: this.moveKind,
        input: { isolation, serverId: server.id, pace: request.pace ?? DEFAULT_PACE },
        tenantId: tenant.id,
        subject: tenant.slug,
        requiredCode: codeVersion(migrations),
        requiredMigrations: orderedNames(migrations),
      },
      actor,
    );
    await this.record(catalog, tenant, actor, 'tenant.move', { isolation, server: server.name });
    return operation;
  }

  /** @throws NotFoundError, ConflictError (there is no move to take back, or another operation is in progress) */
  async moveBack(catalog: EntityManager, slugOrId: string, actor: Actor): Promise<OperationEntity> {
    const tenant = await this.movedTenant(catalog, slugOrId);
    const back = { kind: this.backKind, input: {}, tenantId: tenant.id, subject: tenant.slug };
    const operation = await this.operations.create(catalog, back, actor);
    await this.record(catalog, tenant, actor, 'tenant.move-back', {});
    return operation;
  }

  /**
   * @throws NotFoundError, ConflictError (there is no move to finish, its way back is begun and not complete, or another operation is
   *   in progress)
   */
  async finish(catalog: EntityManager, slugOrId: string, actor: Actor): Promise<OperationEntity> {
    const tenant = await this.movedTenant(catalog, slugOrId);
    const place = { toTargetId: tenant.targetId ?? '', toSchema: tenant.schema ?? '' };
    if (!(await catalog.existsBy(MoveEntity, { tenantId: tenant.id, ...place }))) {
      throw new ConflictError('the tenant is served at its former place again: its way back is to be completed');
    }
    const finish = { kind: this.finishKind, input: {}, tenantId: tenant.id, subject: tenant.slug };
    const operation = await this.operations.create(catalog, finish, actor);
    await catalog.update(MoveEntity, { tenantId: tenant.id, state: 'moved' }, { state: 'finishing' });
    await this.record(catalog, tenant, actor, 'tenant.move-finish', {});
    return operation;
  }

  private async movedTenant(catalog: EntityManager, slugOrId: string): Promise<TenantEntity> {
    const tenant = await this.records.lock(catalog, slugOrId);
    const move = await this.moveOf(catalog, tenant);
    if (move?.state === 'moved') return tenant;
    throw new ConflictError(move ? `its move is ${move.state}` : 'the tenant has no move that is not finished');
  }

  private moveOf(catalog: EntityManager, { id }: TenantEntity): Promise<MoveEntity | null> {
    return catalog.findOneBy(MoveEntity, { tenantId: id });
  }

  private record(
    catalog: EntityManager,
    { id, slug }: TenantEntity,
    actor: Actor,
    action: string,
    after: object,
  ): Promise<void> {
    return this.audit.record(catalog, { actor, action, subjectKind: 'tenant', subjectId: id, subject: slug, after });
  }
}
