import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import type { Isolation, Tenant } from '../../catalog/model/tenant.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { type Actor, TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { type NewTenant, newTenant } from './tenant.schemas.js';
import { Tenants } from './tenants.js';

/** Creates tenants and sees them through, for callers who need one at once: the demo, scripts. */
@Injectable()
export class TenantProvisioner {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly tenants: Tenants,
    private readonly runner: OperationRunner,
  ) {}

  /**
   * The tenant, provisioned. One that is there already is returned as it is.
   *
   * @throws ValidationFailedError, NotFoundError (server), OperationFailedError, ConflictError (the slug is taken with
   *   another isolation)
   */
  async provision(
    request: { readonly slug: string; readonly isolation: Isolation; readonly server?: string },
    actor: Actor = TENANTRY_ACTOR,
  ): Promise<Tenant> {
    const asked = parseOrThrow(newTenant, request);
    const operationId = (await this.underWay(asked)) ?? (await this.create(asked, actor));
    if (operationId !== undefined) await this.runner.runToCompletion(operationId);
    return toTenant(await this.catalog.getRepository(TenantEntity).findOneByOrFail({ slug: asked.slug }));
  }

  /** The operation that sees it through; undefined when it is there, or somebody else has just asked for it. */
  private async create(asked: NewTenant, actor: Actor): Promise<string | undefined> {
    if (await this.find(asked)) return undefined;
    try {
      const create = (catalog: EntityManager) => this.tenants.create(catalog, asked, actor);
      return (await this.catalog.transaction(create)).operation.id;
    } catch (error) {
      if (!(error instanceof ConflictError) || !(await this.find(asked))) throw error;
      return this.underWay(asked);
    }
  }

  private async find({ slug, isolation }: NewTenant): Promise<TenantEntity | null> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneBy({ slug });
    if (tenant && tenant.isolation !== isolation) {
      throw new ConflictError('the slug belongs to a tenant of another isolation');
    }
    return tenant;
  }

  private async underWay(asked: NewTenant): Promise<string | undefined> {
    const tenant = await this.find(asked);
    if (tenant?.status !== 'provisioning') return undefined;
    const operation = await this.catalog
      .getRepository(OperationEntity)
      .findOneBy({ tenantId: tenant.id, status: In(['pending', 'running']) });
    return operation?.id;
  }
}
