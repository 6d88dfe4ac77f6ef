import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, In, IsNull, Not } from 'typeorm';
import { migrationSetValues, saveSetSql } from '../catalog/tenant-tables/migration-set-sql.js';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { OperationEntity } from '../catalog/entities/operation.entity.js';
import { ConflictError, NotFoundError } from '../platform/errors/request.errors.js';
import { LOCK_NAMES } from '../platform/postgres/advisory-locks.js';
import type { Actor } from '../catalog/audit/actor.js';
import { AuditLog } from '../catalog/audit/audit-log.js';
import type { OperationKind } from './operation-kind.js';
import { OperationKinds } from './operation-kinds.js';

export interface NewOperation<Input> {
  readonly kind: OperationKind<Input>;
  readonly input: Input;
  readonly tenantId: string | null;
  /** What the operation acts on: a tenant's slug, a server's name, `fleet`. */
  readonly subject: string;
  /**
   * Timestamp of the migration that an instance's code must contain to run the operation. Default: any instance may.
   */
  readonly requiredCode?: number;
  /** Names of migrations that an instance's code must contain to run the operation. Default: none. */
  readonly requiredMigrations?: readonly string[];
  /** What the instance that runs it must have itself, such as a file: what was passed to `OperationKinds.offer`. Default: nothing. */
  readonly requires?: readonly string[];
  /** Names of steps that need not run; with all of them, the operation has succeeded at once. Default: none. */
  readonly finishedSteps?: readonly string[];
  /** Earliest start, in seconds from now. Default: 0. */
  readonly delaySeconds?: number;
}

/** Creates, cancels and retries operations. `OperationRunner` runs them. */
@Injectable()
export class Operations {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly kinds: OperationKinds,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Creates an operation, in the transaction of the change that requires it.
   *
   * @throws ConflictError while another operation on the tenant is in progress; without a tenant, while another one of
   *   the same kind and subject is
   */
  async create<Input extends object>(
    catalog: EntityManager,
    {
      kind,
      input,
      tenantId,
      subject,
      requiredCode = 0,
      requiredMigrations,
      delaySeconds = 0,
      finishedSteps = [],
      requires = [],
    }: NewOperation<Input>,
    actor: Actor,
  ): Promise<OperationEntity> {
    if (kind.isExclusive !== false) await this.assertNoneInProgress(catalog, kind.name, tenantId, subject);
    const id = randomUUID();
    const steps = kind.steps.map(({ name }) => name);
    const isDone = steps.every((name) => finishedSteps.includes(name));
    await catalog.query(
      `WITH required AS (${saveSetSql('$9', '$10')})
       INSERT INTO operations (id, kind, tenant_id, subject, input, required_code, steps, created_by, required_set, run_after,
                               required_hooks, finished_steps, status, started_at, finished_at)
       SELECT $1::uuid, $2, $3::uuid, $4, $5::jsonb, $6::bigint, $7::text[], $8, $9, now() + make_interval(secs => $11), $12::text[],
              $13::text[], $14, CASE $14 WHEN 'succeeded' THEN now() END, CASE $14 WHEN 'succeeded' THEN now() END`,
      [
        id,
        kind.name,
        tenantId,
        subject,
        input,
        requiredCode,
        steps,
        actor.name,
        ...migrationSetValues(requiredMigrations ?? null),
        delaySeconds,
        requiredHooksOf(kind, requires),
        finishedSteps,
        isDone ? 'succeeded' : 'pending',
      ],
    );
    return catalog.findOneByOrFail(OperationEntity, { id });
  }

  /** The operation that keeps others on the tenant from being created. */
  inProgress(catalog: EntityManager, tenantId: string): Promise<OperationEntity | null> {
    const kind = Not(In(this.kinds.notExclusive));
    return catalog.findOneBy(OperationEntity, { status: In(['pending', 'running']), tenantId, kind });
  }

  /** @throws NotFoundError */
  async find(id: string): Promise<OperationEntity> {
    const operation = await this.catalog.getRepository(OperationEntity).findOneBy({ id });
    if (!operation) throw new NotFoundError('operation');
    return operation;
  }

  /**
   * Cancels an operation: immediately if it has not started, otherwise after the work in progress.
   *
   * @throws NotFoundError, ConflictError when it has ended
   */
  cancel(id: string, actor: Actor): Promise<OperationEntity> {
    return this.change(id, 'operation.cancel', actor, async (catalog, operation) => {
      if (operation.status !== 'pending' && operation.status !== 'running') {
        throw new ConflictError(`the operation has already ended: ${operation.status}`);
      }
      const hasStarted = operation.startedAt !== null;
      await catalog.query(
        hasStarted
          ? 'UPDATE operations SET cancel_requested = true WHERE id = $1'
          : "UPDATE operations SET status = 'cancelled', finished_at = now() WHERE id = $1",
        [id],
      );
      if (!hasStarted) await this.kinds.find(operation.kind)?.onCancelled?.(catalog, operation);
    });
  }

  /**
   * Resumes a failed or cancelled operation after its last finished step.
   *
   * @throws NotFoundError, ConflictError when it has not ended, has succeeded, or cannot be resumed
   */
  retry(id: string, actor: Actor): Promise<OperationEntity> {
    return this.change(id, 'operation.retry', actor, async (catalog, operation) => {
      if (operation.status !== 'failed' && operation.status !== 'cancelled') {
        throw new ConflictError(`only a failed or cancelled operation can be retried: this one is ${operation.status}`);
      }
      if (this.kinds.find(operation.kind)?.isExclusive !== false) {
        await this.assertNoneInProgress(catalog, operation.kind, operation.tenantId, operation.subject);
      }
      const kind = this.kinds.find(operation.kind);
      await kind?.onRetried?.(catalog, operation);
      // The hooks of this release: one that it no longer has would keep the operation waiting.
      await catalog.query(
        `UPDATE operations SET status = 'pending', cancel_requested = false, attempts = 0, error = NULL,
                finished_at = NULL, run_after = now(), required_hooks = $2 WHERE id = $1`,
        [id, kind ? requiredHooksOf(kind, ownThings(operation)) : operation.requiredHooks],
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
        actor,
        action,
        subjectKind: 'operation',
        subjectId: id,
        subject: `${operation.kind} ${operation.subject}`,
        before: { status: operation.status },
        after: { status: changed.status, cancel: changed.cancelRequested },
      });
      return changed;
    });
  }

  /** Unique indexes enforce this; the check gives a readable error. The lock keeps two callers from both passing it. */
  private async assertNoneInProgress(
    catalog: EntityManager,
    kind: string,
    tenantId: string | null,
    subject: string,
  ): Promise<void> {
    await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [
      LOCK_NAMES.operationOf(tenantId ?? kind + subject),
    ]);
    const status = In(['pending', 'running']);
    const other =
      tenantId === null
        ? await catalog.findOneBy(OperationEntity, { status, tenantId: IsNull(), kind, subject })
        : await this.inProgress(catalog, tenantId);
    if (other) throw new ConflictError(`another operation is in progress: ${other.kind} ${other.id}`);
  }
}

/** Marks what one instance has itself among the names of hooks, which are those of classes. */
const OWN_THING = ':';

function requiredHooksOf(
  { hooks = [] }: Pick<OperationKind, 'hooks'>,
  requires: readonly string[],
): readonly string[] | null {
  const required = [...hooks, ...requires];
  return required.length > 0 ? required : null;
}

function ownThings({ requiredHooks }: OperationEntity): readonly string[] {
  return (requiredHooks ?? []).filter((name) => name.includes(OWN_THING));
}
