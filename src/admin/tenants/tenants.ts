import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type EntityManager, In, Not } from 'typeorm';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { TenantDomainEntity } from '../../catalog/entities/tenant-domain.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { type ConstraintErrors, withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { Operations } from '../../operations/operations.js';
import { PlacementRights } from '../provisioning/placement-rights.js';
import { SpareTenants } from '../spare-tenants/spare-tenants.js';
import { ProvisionKind } from '../provisioning/provision.kind.js';
import type { NewTenant, TenantChange, TenantView } from './tenant.schemas.js';
import { TenantRecords } from './tenant-records.js';

export interface CreatedTenant {
  readonly tenant: TenantView;
  readonly operation: OperationEntity;
}

/** What the catalog's constraints refuse when the same is created at the same time. */
export const TAKEN: ConstraintErrors = {
  tenants_slug_key: () => new ConflictError('the slug is already in use'),
  tenant_domains_pkey: () => new ConflictError('a domain belongs to another tenant'),
};

/** Creates tenants, and changes their limits and domains. */
@Injectable()
export class Tenants {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly records: TenantRecords,
    private readonly operations: Operations,
    private readonly provisionKind: ProvisionKind,
    private readonly audit: AuditLog,
    private readonly rights: PlacementRights,
    private readonly spares: SpareTenants,
  ) {}

  /**
   * Creates a tenant, which is not served yet, and the operation that provisions it. If one that fits is provisioned ahead, it is
   * that one; without hooks that it needs first, it is served at once, and its operation has succeeded.
   *
   * @throws NotFoundError (server), ConflictError (the slug or a domain is already in use, the server is draining),
   *   MissingServerRightsError
   */
  async create(
    catalog: EntityManager,
    { server, domains, ...options }: NewTenant,
    actor: Actor,
  ): Promise<CreatedTenant> {
    const placement = await this.serverFor(catalog, server);
    await this.rights.assertSufficient(catalog, placement, options.isolation);
    const { finished, isActive } = this.provisionKind.stepsOfSpare;
    const spare = await withConstraintErrors(TAKEN, () =>
      this.spares.claim(catalog, placement.id, options, isActive ? 'active' : 'provisioning'),
    );
    const id = spare ?? (await this.insert(catalog, options));
    await this.setDomains(catalog, id, domains);
    const { migrations } = this.schema; // older code would create outdated tables
    const creation = {
      kind: this.provisionKind,
      input: { serverId: placement.id },
      tenantId: id,
      subject: options.slug,
      requiredCode: codeVersion(migrations),
      requiredMigrations: orderedNames(migrations),
      finishedSteps: spare === undefined ? [] : finished,
    };
    const operation = await this.operations.create(catalog, creation, actor);
    const tenant = await this.records.read(id, catalog);
    await this.record(catalog, 'tenant.create', actor, tenant, { after: { ...options, server, domains } });
    return { tenant, operation };
  }

  private async insert(
    catalog: EntityManager,
    options: Pick<NewTenant, 'slug' | 'isolation' | 'limits'>,
  ): Promise<string> {
    const id = randomUUID();
    const row = { id, ...options, status: 'provisioning', version: 1 } as const;
    await withConstraintErrors(TAKEN, () => catalog.insert(TenantEntity, row));
    return id;
  }

  /** @throws NotFoundError, ConflictError (a domain belongs to another tenant) */
  async change(catalog: EntityManager, slugOrId: string, change: TenantChange, actor: Actor): Promise<TenantView> {
    const { id } = await this.records.lock(catalog, slugOrId);
    const before = await this.records.read(id, catalog);
    if (change.limits) await catalog.update(TenantEntity, id, { limits: change.limits });
    if (change.domains) await this.setDomains(catalog, id, change.domains);
    const after = await this.records.read(id, catalog);
    const changed = Object.keys(change) as (keyof TenantChange)[];
    await this.record(catalog, 'tenant.change', actor, after, {
      before: pick(before, changed),
      after: pick(after, changed),
    });
    return after;
  }

  private async serverFor(catalog: EntityManager, name: string): Promise<ServerEntity> {
    // Locked, so that it cannot start draining before this transaction commits.
    const server = await catalog.findOne(ServerEntity, { where: { name }, lock: { mode: 'pessimistic_read' } });
    if (!server) throw new NotFoundError('server');
    if (server.draining) throw new ConflictError('the server is draining: it accepts no new tenants');
    return server;
  }

  private async setDomains(catalog: EntityManager, tenantId: string, domains: readonly string[]): Promise<void> {
    await catalog.delete(TenantDomainEntity, { tenantId, domain: Not(In(domains)) });
    const existing = await catalog.findBy(TenantDomainEntity, { tenantId });
    const added = domains.filter((domain) => !existing.some((row) => row.domain === domain));
    const rows = added.map((domain) => ({ domain, tenantId }));
    await withConstraintErrors(TAKEN, () => catalog.insert(TenantDomainEntity, rows));
  }

  private record(
    catalog: EntityManager,
    action: string,
    actor: Actor,
    { id, slug }: TenantView,
    change: { readonly before?: object; readonly after?: object },
  ): Promise<void> {
    return this.audit.record(catalog, {
      actor,
      action,
      subjectKind: 'tenant',
      subjectId: id,
      subject: slug,
      ...change,
    });
  }
}

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): object {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}
