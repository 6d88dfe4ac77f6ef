import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { Operations } from '../../operations/operations.js';
import { isMissingDatabase, PlaceRemoval, type TenantPlace } from '../deprovisioning/place-removal.js';
import { Idempotency } from '../idempotency/idempotency.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { ScratchTables, scratchSchemaName } from './scratch-tables.js';

const Input = z.object({ importId: z.guid(), tenantId: z.guid(), targetId: z.guid().nullable() });
type Input = z.infer<typeof Input>;
type Request = Pick<Input, 'importId' | 'tenantId'>;
type Run = OperationRun<Input>;

/**
 * Removes a tenant that an import has begun and not finished, which was never served. It is no operation on the tenant, because
 * it is created while the import is still under way.
 */
@Injectable()
export class DiscardImportKind implements OperationKind<Input> {
  readonly name = 'discard-import';
  readonly input = Input;
  readonly steps: readonly OperationStep<Input>[] = [
    { name: 'drop-scratch', run: (run) => this.dropScratch(run) },
    { name: 'remove-data', run: (run) => this.removeData(run) },
    { name: 'forget', run: (run) => this.forget(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly operations: Operations,
    private readonly scratch: ScratchTables,
    private readonly targets: TargetDatabases,
    private readonly removal: PlaceRemoval,
    private readonly audit: AuditLog,
    private readonly idempotency: Idempotency,
  ) {}

  /** Creates the operation, unless the tenant is served. */
  async request(catalog: EntityManager, request: Request, subject: string): Promise<void> {
    const tenant = await catalog.findOneBy(TenantEntity, { id: request.tenantId, status: 'failed' });
    if (!tenant) return;
    const input = { ...request, targetId: tenant.targetId };
    await this.operations.create(catalog, { kind: this, input, tenantId: null, subject }, TENANTRY_ACTOR);
  }

  /** Whatever has become of the tenant, which may have been deleted since. */
  private async dropScratch({ input: { importId, targetId }, signal }: Run): Promise<void> {
    const where = { id: targetId ?? '' };
    if (targetId === null || !(await this.catalog.getRepository(ConnectionTargetEntity).existsBy(where))) return;
    try {
      await this.scratch.drop(await this.targets.find(targetId), scratchSchemaName(importId), signal);
    } catch (error) {
      if (!isMissingDatabase(error)) throw error; // the import had not come that far
    }
  }

  private async removeData({ input: { tenantId }, signal }: Run): Promise<void> {
    const place = await this.place(tenantId);
    if (!place) return;
    await this.removal.removeData(place, signal);
    await this.removal.removeRole(place.target, signal);
  }

  private async forget({ input: { tenantId } }: Run): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      const tenant = await catalog.findOneBy(TenantEntity, { id: tenantId, status: 'failed' });
      if (!tenant) return;
      const place = await this.place(tenantId);
      await catalog.delete(TenantEntity, tenantId);
      if (place?.target.kind === 'dedicated') await catalog.delete(ConnectionTargetEntity, place.target.id);
      const subject = { subjectKind: 'tenant', subjectId: tenantId, subject: tenant.slug } as const;
      await this.audit.record(catalog, { actor: TENANTRY_ACTOR, action: 'tenant.removed', ...subject });
      await this.idempotency.forgetTenant(catalog, tenantId);
    });
  }

  /** Undefined when the tenant is gone, is served after all, or has no place yet. */
  private async place(tenantId: string): Promise<TenantPlace | undefined> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneBy({ id: tenantId, status: 'failed' });
    if (!tenant || tenant.targetId === null || tenant.schema === null) return undefined;
    const { isolation, schema, targetId } = tenant;
    return { tenantId, isolation, schema, target: await this.targets.find(targetId) };
  }
}
