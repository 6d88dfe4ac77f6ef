import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { TENANT_STATUSES } from '../../catalog/model/tenant.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { CachedValues } from './cached-values.js';
import { DataInventory } from './data-inventory.js';
import { ErasureRemains } from './erasure-remains.js';
import { type ErasureResult, type FoundData, foundData, storedCopies } from './erasure.schemas.js';
import { PlaceRemoval, type TenantPlace } from './place-removal.js';
import { StoredCopies } from './stored-copies.js';

const Input = z.object({ previousStatus: z.enum(TENANT_STATUSES) });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Time in which every instance learns of the deletion and stops the tenant's running work. */
const SETTLE_MS = 3_000;

/** What a tenant has that was never given a place. */
const NO_DATA: FoundData = { removed: 'nothing', server: null, database: null, schema: null, tables: [] };

const RECORDS = `
  SELECT (SELECT count(*) FROM tenant_domains WHERE tenant_id = $1)::int AS domains,
         (SELECT count(*) FROM api_keys WHERE tenant_id = $1)::int AS "apiKeys",
         (SELECT count(*) FROM cron_failures WHERE tenant_id = $1)::int AS "cronFailures"`;

/**
 * Deletes a tenant: its rows, schema or database, then its login role, and finally its catalog entries. Each step records in the
 * operation's result what it has removed; what it is going to remove is counted first, so that a crash in between loses no count.
 */
@Injectable()
export class DeleteKind implements OperationKind<Input> {
  readonly name = 'delete';
  readonly input = Input;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly places: PlaceRemoval,
    private readonly inventory: DataInventory,
    private readonly remains: ErasureRemains,
    private readonly copies: StoredCopies,
    private readonly audit: AuditLog,
    private readonly idempotency: Idempotency,
    private readonly cachedValues: CachedValues,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  /** `deleted` comes before the tenant is forgotten: afterwards nothing in the catalog may name it. */
  get steps(): readonly OperationStep<Input>[] {
    return [
      { name: 'settle', run: (run: Run) => this.settle(run) },
      ...this.hookSteps.for('deleting'),
      { name: 'remove-data', run: (run: Run) => this.removeData(run) },
      { name: 'remove-role', run: (run: Run) => this.removeRole(run) },
      ...this.hookSteps.for('deleted'),
      { name: 'forget', run: (run: Run) => this.forget(run) },
    ];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['deleting', 'deleted']);
  }

  /** Restores the previous status if the deletion has not started; otherwise the tenant can no longer be served. */
  async onCancelled(catalog: EntityManager, { tenantId, input, startedAt }: OperationEntity): Promise<void> {
    const { previousStatus } = Input.parse(input);
    const status = startedAt === null ? previousStatus : 'failed';
    await catalog.update(TenantEntity, { id: tenantId ?? '', status: 'deleting' }, { status });
  }

  async onRetried(catalog: EntityManager, { tenantId, startedAt }: OperationEntity): Promise<void> {
    if (startedAt === null) throw new ConflictError('the tenant was restored: delete it again');
    await catalog.update(TenantEntity, { id: tenantId ?? '' }, { status: 'deleting' });
  }

  private async settle({ createdAt, signal }: Run): Promise<void> {
    const [{ age }] = await this.catalog.query<[{ age: number }]>(
      'SELECT extract(epoch FROM now() - $1::timestamptz)::float8 * 1000 AS age',
      [createdAt],
    );
    if (age < SETTLE_MS) await delay(SETTLE_MS - age, undefined, { signal });
  }

  private async removeData(run: Run): Promise<void> {
    await this.record(run, 'cache', { redis: await this.cachedValues.forget(run.tenantId ?? '') });
    await this.removeStoredCopies(run);
    const tenant = await this.tenant(run.tenantId);
    const target = tenant && (await this.target(tenant));
    if (!target || tenant.schema === null) return this.record(run, 'data', NO_DATA); // provisioning failed before there was any data
    const { id: tenantId, isolation, schema } = tenant;
    const place = { tenantId, isolation, target, schema };
    const found = await this.foundData(run, place, tenant.slug);
    await this.places.removeData(place, run.signal, (rows) => run.reportProgress(rows, rows));
    await this.record(run, 'data', found);
  }

  /** As it was counted before anything was removed, also when the removal is resumed after a crash. */
  private async foundData(run: Run, place: TenantPlace, slug: string): Promise<FoundData> {
    const earlier = foundIn(run);
    if (earlier) return earlier;
    const found = await this.inventory.find(place, slug, run.signal);
    await run.saveState({ found: JSON.stringify(found) });
    return found;
  }

  /** Once more after a crash, which adds what is removed then. */
  private async removeStoredCopies(run: Run): Promise<void> {
    const earlier = storedIn(run);
    const removed = await this.copies.remove(run.tenantId ?? '');
    const stored = [...earlier, ...removed];
    await run.saveState({ stored: JSON.stringify(stored) });
    await this.record(run, 'stored', { copies: stored });
  }

  private async removeRole(run: Run): Promise<void> {
    const tenant = await this.tenant(run.tenantId);
    const target = tenant && (await this.target(tenant));
    if (target) await this.places.removeRole(target, run.signal);
    const [{ role }] = await this.catalog.query<[{ role: string | null }]>(
      'SELECT catalog_erased_text($1, $2, catalog_pseudonym($3)) AS role',
      [target?.kind === 'dedicated' ? target.role : null, tenant?.slug, tenant?.id],
    );
    await this.record(run, 'login', { role });
  }

  private async record<Part extends 'cache' | 'stored' | 'data' | 'login' | 'records'>(
    { addResult }: Run,
    part: Part,
    facts: Omit<NonNullable<ErasureResult[Part]>, 'at'>,
  ): Promise<void> {
    const [{ now }] = await this.catalog.query<[{ now: Date }]>('SELECT now()');
    await addResult({ [part]: { ...facts, at: now.toISOString() } });
  }

  /** When it commits, a trigger of the catalog replaces the slug by a pseudonym in all records about the tenant. */
  private async forget(run: Run): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      const tenant = await catalog.findOneBy(TenantEntity, { id: run.tenantId ?? '' });
      if (!tenant) return;
      const target = await this.target(tenant);
      const [counts] = await catalog.query<[Omit<ErasureResult['records'], 'at' | 'storedAnswers'>]>(RECORDS, [
        tenant.id,
      ]);
      await catalog.delete(TenantEntity, tenant.id);
      if (target?.kind === 'dedicated') await catalog.delete(ConnectionTargetEntity, target.id);
      const subject = { subjectKind: 'tenant', subjectId: tenant.id, subject: tenant.slug } as const;
      await this.audit.record(catalog, { actor: TENANTRY_ACTOR, action: 'tenant.removed', ...subject });
      const storedAnswers = await this.idempotency.forgetTenant(catalog, tenant.id);
      // Before the commit: after it, a crash could lose the record.
      await this.record(run, 'records', { ...counts, storedAnswers });
      const erased = { id: tenant.id, slug: tenant.slug, data: foundIn(run) ?? NO_DATA };
      await run.addResult({ remains: await this.remains.of(catalog, erased) });
    });
  }

  private tenant(id: string | null): Promise<TenantEntity | null> {
    return this.catalog.getRepository(TenantEntity).findOneBy({ id: id ?? '' });
  }

  private target({ targetId }: TenantEntity): Promise<ConnectionTargetEntity | null> {
    if (targetId === null) return Promise.resolve(null);
    return this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOne({ where: { id: targetId }, relations: { server: true } });
  }
}

function storedIn({ state }: Run): NonNullable<ErasureResult['stored']>['copies'] {
  return storedCopies.parse(JSON.parse(state['stored'] ?? '[]'));
}

function foundIn({ state }: Run): FoundData | undefined {
  const { found } = state;
  return found === undefined ? undefined : foundData.parse(JSON.parse(found));
}
