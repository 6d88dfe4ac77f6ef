import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, In, IsNull } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { OperationEntity } from '../catalog/entities/operation.entity.js';
import { ConflictError, NotFoundError } from '../platform/errors/request.errors.js';
import type { Actor } from '../catalog/audit/actor.js';
import { AuditLog } from '../catalog/audit/audit-log.js';
import type { OperationKind } from './operation-kind.js';
import { OperationKinds } from './operation-kinds.js';

export interface NewOperation<Input> {
  readonly kind: OperationKind<Input>;
  readonly input: Input;
  readonly tenantId: string | null;
  readonly subject: string;
  /** Timestamp of the migration that the code of an instance must have to work on it; default: any will do. */
  readonly requiredCode?: number;
  /** It is not begun before so many seconds have passed. */
  readonly delaySeconds?: number;
}

/** Asks for operations, and changes their course. Doing them is `OperationRunner`'s. */
@Injectable()
export class Operations {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly kinds: OperationKinds,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Part of the transaction that makes it necessary.
   *
   * @throws ConflictError while another operation on the tenant (or of the kind, on the same subject) has not ended
   */
  async create<Input extends object>(
    catalog: EntityManager,
    { kind, input, tenantId, subject, requiredCode = 0, delaySeconds = 0 }: NewOperation<Input>,
    actor: Actor,
  ): Promise<OperationEntity> {
    await this.assertNoneUnderWay(catalog, kind.name, tenantId, subject);
    const id = randomUUID();
    await catalog.query(
      `INSERT INTO operations (id, kind, tenant_id, subject, input, required_code, steps, created_by, run_after)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))`,
      [
        ...[id, kind.name, tenantId, subject, input, requiredCode],
        ...[kind.steps.map(({ name }) => name), actor.name, delaySeconds],
      ],
    );
    return catalog.findOneByOrFail(OperationEntity, { id });
  }

  /** @throws NotFoundError */
  async find(id: string): Promise<OperationEntity> {
    const operation = await this.catalog.getRepository(OperationEntity).findOneBy({ id });
    if (!operation) throw new NotFoundError('operation');
    return operation;
  }

  /**
   * One that nobody has begun ends at once; one that is under way ends after the parts in its hands.
   *
   * @throws NotFoundError, ConflictError when it has ended
   */
  cancel(id: string, actor: Actor): Promise<OperationEntity> {
    return this.change(id, 'operation.cancel', actor, async (catalog, operation) => {
      if (operation.status !== 'pending' && operation.status !== 'running') {
        throw new ConflictError(`the operation has ended: ${operation.status}`);
      }
      const isBegun = operation.startedAt !== null;
      await catalog.query(
        isBegun
          ? 'UPDATE operations SET cancel_requested = true WHERE id = $1'
          : "UPDATE operations SET status = 'cancelled', finished_at = now() WHERE id = $1",
        [id],
      );
      if (!isBegun) await this.kinds.named(operation.kind)?.onCancelled?.(catalog, operation);
    });
  }

  /**
   * Lets one that failed or was cancelled go on from its last finished step.
   *
   * @throws NotFoundError, ConflictError when it has not ended, has succeeded, or cannot go on
   */
  retry(id: string, actor: Actor): Promise<OperationEntity> {
    return this.change(id, 'operation.retry', actor, async (catalog, operation) => {
      if (operation.status !== 'failed' && operation.status !== 'cancelled') {
        throw new ConflictError(
          `only what failed or was cancelled can be tried again; this one is ${operation.status}`,
        );
      }
      await this.assertNoneUnderWay(catalog, operation.kind, operation.tenantId, operation.subject);
      await this.kinds.named(operation.kind)?.onRetried?.(catalog, operation);
      await catalog.query(
        `UPDATE operations SET status = 'pending', cancel_requested = false, attempts = 0, error = NULL,
                finished_at = NULL, run_after = now() WHERE id = $1`,
        [id],
      );
    });
  }

  private change(
    id: string,
    action: string,
    actor: Actor,
    apply: (catalog: EntityManager, operation: OperationEntity) => Promise<void>,
  ): Promise<OperationEntity> {
    return this.catalog.transaction(async (catalog) => {
      const lock = { mode: 'pessimistic_write' } as const;
      const operation = await catalog.findOne(OperationEntity, { where: { id }, lock });
      if (!operation) throw new NotFoundError('operation');
      await apply(catalog, operation);
      const changed = await catalog.findOneByOrFail(OperationEntity, { id });
      await this.audit.record(catalog, {
        ...{
          actor,
          action,
          subjectKind: 'operation',
          subjectId: id,
          subject: `${operation.kind} ${operation.subject}`,
        },
        ...{ before: { status: operation.status }, after: { status: changed.status, cancel: changed.cancelRequested } },
      });
      return changed;
    });
  }

  /** The unique indexes hold it; this says it in words. Locked, so that two at once do not both find none. */
  private async assertNoneUnderWay(
    catalog: EntityManager,
    kind: string,
    tenantId: string | null,
    subject: string,
  ): Promise<void> {
    await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`operation of ${tenantId ?? kind + subject}`]);
    const other = await catalog.findOneBy(OperationEntity, {
      status: In(['pending', 'running']),
      ...(tenantId === null ? { tenantId: IsNull(), kind, subject } : { tenantId }),
    });
    if (other) throw new ConflictError(`another operation is under way: ${other.kind} ${other.id}`);
  }
}
