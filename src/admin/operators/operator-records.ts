import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperatorKeyEntity } from '../../catalog/entities/operator-key.entity.js';
import { OperatorEntity } from '../../catalog/entities/operator.entity.js';
import type { TenantSelection } from '../../catalog/model/operator.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import type { OperatorKeyView, OperatorList, OperatorView } from './operator.schemas.js';

interface OpenSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

const OPEN_SESSIONS = `
  SELECT id, created_at AS "createdAt", expires_at AS "expiresAt" FROM operator_sessions
  WHERE operator_id = $1 AND ended_at IS NULL AND expires_at > now() ORDER BY created_at DESC, id`;

/** Reads operators from the catalog, in the shape that the API returns. */
@Injectable()
export class OperatorRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Those that are not revoked, by name; then the revoked ones. */
  async list(): Promise<OperatorList> {
    const operators = await this.catalog.manager.find(OperatorEntity, {
      order: { revokedAt: { direction: 'ASC', nulls: 'FIRST' }, name: 'ASC' },
    });
    const items: OperatorView[] = [];
    for (const operator of operators) items.push(await this.view(operator, this.catalog.manager));
    return { items };
  }

  /** One that is not revoked. @throws NotFoundError */
  async read(name: string, catalog: EntityManager = this.catalog.manager): Promise<OperatorView> {
    const operator = await catalog
      .createQueryBuilder(OperatorEntity, 'o')
      .where('o.name = :name AND o.revoked_at IS NULL', { name })
      .getOne();
    if (!operator) throw new NotFoundError('operator', name);
    return this.view(operator, catalog);
  }

  /** @throws EntityNotFoundError */
  async readById(id: string, catalog: EntityManager): Promise<OperatorView> {
    return this.view(await catalog.findOneByOrFail(OperatorEntity, { id }), catalog);
  }

  /** Slugs in place of ids; a tenant that is deleted is left out. */
  async describe(
    { tenantIds, groups }: TenantSelection,
    catalog: EntityManager = this.catalog.manager,
  ): Promise<NonNullable<OperatorView['limitedTo']>> {
    const rows = await catalog.query<{ slug: string }[]>(
      'SELECT slug FROM tenants WHERE id = ANY ($1::uuid[]) ORDER BY slug',
      [tenantIds],
    );
    return { tenants: rows.map(({ slug }) => slug), groups: [...groups] };
  }

  private async view(operator: OperatorEntity, catalog: EntityManager): Promise<OperatorView> {
    const { id, name, role, tenantIds, groups, issuer, createdAt, revokedAt } = operator;
    const keys = await catalog.find(OperatorKeyEntity, {
      where: { operatorId: id },
      order: { createdAt: 'DESC', id: 'ASC' },
    });
    const sessions = issuer === null ? [] : await catalog.query<OpenSession[]>(OPEN_SESSIONS, [id]);
    return {
      ...{ id, name, role, issuer, createdAt: createdAt.toISOString(), revokedAt: revokedAt?.toISOString() ?? null },
      limitedTo: tenantIds && groups ? await this.describe({ tenantIds, groups }, catalog) : null,
      keys: keys.map(toKeyView),
      sessions: sessions.map(toSessionView),
    };
  }
}

function toKeyView({ id, createdAt, expiresAt, revokedAt }: OperatorKeyEntity): OperatorKeyView {
  return {
    id,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}

function toSessionView({ id, createdAt, expiresAt }: OpenSession): OperatorView['sessions'][number] {
  return { id, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
}
