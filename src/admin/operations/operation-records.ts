import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, MoreThan } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationHookEntity } from '../../catalog/entities/operation-hook.entity.js';
import { OperationTenantEntity } from '../../catalog/entities/operation-tenant.entity.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { TenantSelection } from '../../catalog/model/operator.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { type Page, selectPage, toPage } from '../../http/input/page.js';
import { isUuid } from '../../platform/uuid.js';
import {
  type OperationFilter,
  type OperationHookFilter,
  type OperationHookPage,
  type OperationHookView,
  type OperationTenantFilter,
  type OperationTenantPage,
  type OperationTenantView,
  type OperationView,
  toOperationView,
} from './operation.schemas.js';

/** Also matches a deleted tenant's pseudonym, which its operations have as their subject. */
const OF_SLUG = `(operation.tenantId = (SELECT t.id FROM tenants t WHERE t.slug = :tenant)
  OR operation.tenantId IS NOT NULL AND operation.subject = :tenant)`;

const WITHIN_REACH = `EXISTS (SELECT FROM tenants t WHERE t.id = operation.tenant_id
  AND (t.id = ANY (:tenantIds) OR t.groups && :groups))`;

/** Reads operations, in the shape that the API returns. */
@Injectable()
export class OperationRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Newest first. @param limitedTo the tenants whose operations the caller may see; undefined: all operations */
  async list(
    { status, kind, tenant, ...page }: OperationFilter,
    limitedTo?: TenantSelection,
  ): Promise<Page<OperationView>> {
    const query = selectPage(this.catalog.getRepository(OperationEntity).createQueryBuilder('operation'), page);
    if (status !== undefined) query.andWhere('operation.status = :status', { status });
    if (kind !== undefined) query.andWhere('operation.kind = :kind', { kind });
    if (tenant !== undefined) query.andWhere(isUuid(tenant) ? 'operation.tenantId = :tenant' : OF_SLUG, { tenant });
    if (limitedTo) query.andWhere(WITHIN_REACH, limitedTo);
    return toPage(await query.getMany(), page, toOperationView);
  }

  /** @throws NotFoundError */
  async read(id: string): Promise<OperationView> {
    const operation = await this.catalog.getRepository(OperationEntity).findOneBy({ id });
    if (!operation) throw new NotFoundError('operation');
    return toOperationView(operation);
  }

  /** The outcome for each tenant so far, ordered by tenant id. @throws NotFoundError */
  async listTenants(id: string, { status, limit, cursor }: OperationTenantFilter): Promise<OperationTenantPage> {
    await this.read(id);
    const rows = await this.catalog.getRepository(OperationTenantEntity).find({
      where: {
        operationId: id,
        ...(status && { status }),
        ...(cursor !== undefined && { tenantId: MoreThan(cursor) }),
      },
      order: { tenantId: 'ASC' },
      take: limit + 1,
    });
    const items = rows.slice(0, limit).map(toTenantView);
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.tenantId ?? null) : null };
  }

  /** The results of the hooks that it has called so far, ordered by tenant, event and name. @throws NotFoundError */
  async listHooks(id: string, { status, limit, cursor }: OperationHookFilter): Promise<OperationHookPage> {
    await this.read(id);
    const query = this.catalog
      .getRepository(OperationHookEntity)
      .createQueryBuilder('h')
      .where('h.operationId = :id', { id })
      .orderBy({ 'h.tenantId': 'ASC', 'h.event': 'ASC', 'h.hook': 'ASC' })
      .limit(limit + 1);
    if (status !== undefined) query.andWhere('h.status = :status', { status });
    if (cursor) query.andWhere('(h.tenant_id, h.event, h.hook) > (:tenantId, :event, :hook)', cursor);
    const rows = await query.getMany();
    const items = rows.slice(0, limit).map(toHookView);
    const last = items.at(-1);
    const isLast = rows.length <= limit || !last;
    return { items, nextCursor: isLast ? null : [last.tenantId, last.event, last.hook].join('/') };
  }
}

function toHookView({ operationId: _id, transactionId: _transaction, ...row }: OperationHookEntity): OperationHookView {
  return { ...row, startedAt: row.startedAt.toISOString(), finishedAt: row.finishedAt?.toISOString() ?? null };
}

function toTenantView({ operationId: _operationId, finishedAt, ...row }: OperationTenantEntity): OperationTenantView {
  return { ...row, finishedAt: finishedAt.toISOString() };
}
