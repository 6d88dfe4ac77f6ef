import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationHookEntity } from '../../catalog/entities/operation-hook.entity.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { NoErasureReportError } from './deprovisioning.errors.js';
import { type ErasureReport, erasureResult } from './erasure.schemas.js';

/** Reads what deletions have removed, from the results of their operations. */
@Injectable()
export class ErasureReports {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /**
   * @param id of the deletion
   * @throws NotFoundError, ConflictError (it has not succeeded), NoErasureReportError
   */
  async read(id: string): Promise<ErasureReport> {
    const operation = await this.catalog.getRepository(OperationEntity).findOneBy({ id, kind: 'delete' });
    if (!operation) throw new NotFoundError('deletion');
    const { status, subject, tenantId, result, createdAt, startedAt, finishedAt } = operation;
    if (status !== 'succeeded') throw new ConflictError(`the deletion is ${status}: it has no report yet`);
    const recorded = erasureResult.safeParse(result);
    if (!recorded.success || tenantId === null) throw new NoErasureReportError();
    const hooks = await this.catalog
      .getRepository(OperationHookEntity)
      .find({ where: { operationId: id, status: 'succeeded' }, order: { startedAt: 'ASC' } });
    return {
      ...{ operationId: id, tenantId, pseudonym: subject },
      requestedAt: createdAt.toISOString(),
      startedAt: startedAt?.toISOString() ?? null,
      finishedAt: finishedAt?.toISOString() ?? null,
      ...recorded.data,
      hooks: hooks.map(({ event, hook, finishedAt: at }) => ({ event, hook, finishedAt: at?.toISOString() ?? null })),
    };
  }
}
