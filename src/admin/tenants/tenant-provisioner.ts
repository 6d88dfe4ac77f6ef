import { Inject, Injectable, Logger } from '@nestjs/common';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import type { Isolation, Tenant } from '../../catalog/model/tenant.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { type Actor, TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { endsWithin } from '../../platform/timeout.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { type NewTenant, newTenant } from './tenant.schemas.js';
import { Tenants } from './tenants.js';

const POLL_MS = 250;

/** Whether a provisioning operation has served its tenant, and waits for another attempt of a hook. */
const SERVED = `
  SELECT EXISTS (
    SELECT FROM operations o JOIN tenants t ON t.id = o.tenant_id
    WHERE o.id = $1 AND o.status = 'pending' AND t.status = 'active') AS served`;

/** Creates tenants and waits until they are provisioned, for callers that need them immediately: the demo, scripts. */
@Injectable()
export class TenantProvisioner {
  private readonly logger = new Logger(TenantProvisioner.name);

  /** @internal */
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly tenants: Tenants,
    private readonly runner: OperationRunner,
  ) {}

  /**
   * Creates and provisions a tenant, or returns the existing one as it is.
   *
   * @throws ValidationFailedError, NotFoundError (server, plan), NoServerWithRoomError, OperationFailedError, ConflictError (a tenant with that
   *   slug has another isolation)
   */
  async provision(
    request: {
      readonly slug: string;
      readonly isolation: Isolation;
      readonly server?: string;
      /** Labels that its server must have; `{}`: the server with the most room. */
      readonly placement?: Readonly<Record<string, string>>;
      readonly plan?: string;
    },
    actor: Actor = TENANTRY_ACTOR,
  ): Promise<Tenant> {
    const options = parseOrThrow(newTenant, request);
    const operationId = (await this.operationInProgress(options)) ?? (await this.create(options, actor));
    if (operationId !== undefined) await this.untilServed(operationId);
    return toTenant(await this.catalog.getRepository(TenantEntity).findOneByOrFail({ slug: options.slug }));
  }

  /** A hook without which the tenant is served, and which is to be called again later, is not waited for. */
  private async untilServed(operationId: string): Promise<void> {
    const completion = this.runner.runToCompletion(operationId);
    while (!(await endsWithin(completion, POLL_MS))) {
      const [{ served }] = await this.catalog.query<[{ served: boolean }]>(SERVED, [operationId]);
      if (!served) continue;
      completion.catch((error: unknown) => this.logger.warn(`Hooks of a new tenant: ${reasonOf(error)}`));
      return;
    }
  }

  /** Returns the id of the provisioning operation; `undefined` when the tenant exists, or was provisioned ahead. */
  private async create(options: NewTenant, actor: Actor): Promise<string | undefined> {
    if (await this.find(options)) return undefined;
    try {
      const create = (catalog: EntityManager) => this.tenants.create(catalog, options, actor);
      const { operation } = await this.catalog.transaction(create);
      return operation.status === 'succeeded' ? undefined : operation.id;
    } catch (error) {
      if (!(error instanceof ConflictError) || !(await this.find(options))) throw error;
      return this.operationInProgress(options);
    }
  }

  private async find({ slug, isolation }: NewTenant): Promise<TenantEntity | null> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneBy({ slug });
    if (tenant && tenant.isolation !== isolation) {
      throw new ConflictError('a tenant with this slug exists and has another isolation');
    }
    return tenant;
  }

  private async operationInProgress(options: NewTenant): Promise<string | undefined> {
    const tenant = await this.find(options);
    if (tenant?.status !== 'provisioning') return undefined;
    const operation = await this.catalog
      .getRepository(OperationEntity)
      .findOneBy({ tenantId: tenant.id, status: In(['pending', 'running']) });
    return operation?.id;
  }
}
