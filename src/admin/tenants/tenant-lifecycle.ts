import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { TenantStatus } from '../../catalog/model/tenant.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { Operations } from '../../operations/operations.js';
import { DeleteKind } from '../deprovisioning/delete.kind.js';
import type { StatusEvent } from '../tenant-hooks/status-hooks.kind.js';
import { StatusHooks } from '../tenant-hooks/status-hooks.js';
import type { Deletion, Maintenance, TenantView } from './tenant.schemas.js';
import { assertProvisioned, TenantRecords } from './tenant-records.js';

/** A change of status, and the statuses that it is allowed from. */
interface Transition {
  readonly action: string;
  readonly from: readonly TenantStatus[];
  readonly to: TenantStatus;
  readonly message?: string | null;
  /** The event for hooks, if there are hooks for it. */
  readonly event?: StatusEvent;
}

/** Changes whether tenants are served. Every instance is notified of each change immediately. */
@Injectable()
export class TenantLifecycle {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly records: TenantRecords,
    private readonly operations: Operations,
    private readonly deleteKind: DeleteKind,
    private readonly audit: AuditLog,
    private readonly statusHooks: StatusHooks,
  ) {}

  /** Within a second all the tenant's work stops, on every instance. @throws NotFoundError, ConflictError */
  suspend(slugOrId: string, actor: Actor): Promise<TenantView> {
    return this.apply(slugOrId, actor, {
      action: 'tenant.suspend',
      from: ['active', 'maintenance'],
      to: 'suspended',
      message: null,
      event: 'suspended',
    });
  }

  /** Ends a suspension. @throws NotFoundError, ConflictError */
  resume(slugOrId: string, actor: Actor): Promise<TenantView> {
    const event = 'resumed';
    return this.apply(slugOrId, actor, { action: 'tenant.resume', from: ['suspended'], to: 'active', event });
  }

  /** Like a suspension, but callers are asked to retry later. @throws NotFoundError, ConflictError */
  beginMaintenance(slugOrId: string, { message }: Maintenance, actor: Actor): Promise<TenantView> {
    return this.apply(slugOrId, actor, {
      action: 'tenant.maintenance',
      from: ['active', 'maintenance'],
      to: 'maintenance',
      message: message ?? null,
    });
  }

  /** @throws NotFoundError, ConflictError */
  endMaintenance(slugOrId: string, actor: Actor): Promise<TenantView> {
    return this.apply(slugOrId, actor, {
      action: 'tenant.maintenance-end',
      from: ['maintenance'],
      to: 'active',
      message: null,
    });
  }

  /**
   * Stops serving the tenant immediately, and schedules the deletion of its data for the end of the grace period.
   *
   * @throws NotFoundError, ConflictError while another operation on the tenant is in progress
   */
  async delete(slugOrId: string, { graceSeconds }: Deletion, actor: Actor): Promise<OperationEntity> {
    return this.catalog.transaction(async (catalog) => {
      const tenant = await this.records.lock(catalog, slugOrId);
      const { id, slug, status } = tenant;
      if (status === 'deleting') throw new ConflictError('the tenant is already being deleted');
      if (status === 'moving' || tenant.isMoving || (await catalog.existsBy(MoveEntity, { tenantId: id }))) {
        throw new ConflictError(
          'the tenant is being moved or restored, or that is not finished: finish it, or move the tenant back',
        );
      }
      const operation = await this.operations.create(
        catalog,
        {
          kind: this.deleteKind,
          input: { previousStatus: status },
          tenantId: id,
          subject: slug,
          delaySeconds: graceSeconds,
        },
        actor,
      );
      assertProvisioned(tenant);
      await catalog.update(TenantEntity, id, { status: 'deleting' });
      await this.record(catalog, tenant, actor, 'tenant.delete', { status }, { status: 'deleting', graceSeconds });
      return operation;
    });
  }

  /** Undoes a deletion that has not started to delete data. @throws NotFoundError, ConflictError */
  async restore(slugOrId: string, actor: Actor): Promise<TenantView> {
    return this.catalog.transaction(async (catalog) => {
      const { id, status } = await this.records.read(slugOrId, catalog);
      const deletion = await this.deletionOf(catalog, id);
      // The operation's row is locked, so no instance can start it in the meantime.
      await catalog.update(OperationEntity, deletion.id, { status: 'cancelled', finishedAt: () => 'now()' });
      await this.deleteKind.onCancelled(catalog, deletion);
      const restored = await this.records.read(id, catalog);
      const subject = { subjectKind: 'tenant', subjectId: id, subject: restored.slug } as const;
      const change = { before: { status }, after: { status: restored.status } };
      await this.audit.record(catalog, { actor, action: 'tenant.restore', ...subject, ...change });
      return restored;
    });
  }

  /** Finds the tenant's deletion, if it can still be undone, and locks its row. */
  private async deletionOf(catalog: EntityManager, tenantId: string): Promise<OperationEntity> {
    const where = { tenantId, kind: this.deleteKind.name, status: In(['pending', 'running', 'failed']) };
    const lock = { mode: 'pessimistic_write' } as const;
    const deletion = await catalog.findOne(OperationEntity, { where, order: { createdAt: 'DESC' }, lock });
    if (!deletion) throw new ConflictError('the tenant is not being deleted');
    if (deletion.startedAt !== null) throw new ConflictError('the deletion of its data has already started');
    return deletion;
  }

  private apply(slugOrId: string, actor: Actor, { action, from, to, message, event }: Transition): Promise<TenantView> {
    return this.catalog.transaction(async (catalog) => {
      const tenant = await this.records.lock(catalog, slugOrId);
      const isUnchanged = tenant.status === to && (message === undefined || message === tenant.message);
      if (!isUnchanged) {
        if (!from.includes(tenant.status)) {
          throw new ConflictError(`the tenant cannot change from ${tenant.status} to ${to}`);
        }
        await catalog.update(TenantEntity, tenant.id, { status: to, ...(message !== undefined && { message }) });
        const after = { status: to, ...(message !== undefined && { message }) };
        await this.record(catalog, tenant, actor, action, { status: tenant.status, message: tenant.message }, after);
        if (event) await this.statusHooks.request(catalog, event, tenant, actor);
      }
      return this.records.read(tenant.id, catalog);
    });
  }

  private record(
    catalog: EntityManager,
    { id, slug }: TenantEntity,
    actor: Actor,
    action: string,
    before: object,
    after: object,
  ): Promise<void> {
    const subject = { subjectKind: 'tenant', subjectId: id, subject: slug } as const;
    return this.audit.record(catalog, { actor, action, ...subject, before, after });
  }
}
