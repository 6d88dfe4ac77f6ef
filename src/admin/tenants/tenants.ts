import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import type { Operator } from '../../catalog/model/operator.js';
import { requireInstallation } from '../../tenant/operators/operator-authorization.js';
import { endByStrangers } from '../../tenant/operators/impersonation-keys.js';
import { SpareTenants } from '../spare-tenants/spare-tenants.js';
import { ProvisionKind } from '../provisioning/provision.kind.js';
import { type CreatedTenant, TenantCreation } from './tenant-creation.js';
import { TAKEN, TenantDomains } from './tenant-domains.js';
import { TenantRecords } from './tenant-records.js';
import type { NewTenant, TenantChange, TenantView } from './tenant.schemas.js';

/** Creates tenants, and changes their plans, limits, domains and groups. */
@Injectable()
export class Tenants {
  constructor(
    private readonly records: TenantRecords,
    private readonly creation: TenantCreation,
    private readonly provisionKind: ProvisionKind,
    private readonly audit: AuditLog,
    private readonly spares: SpareTenants,
    private readonly domains: TenantDomains,
  ) {}

  /**
   * Creates a tenant, which is not served yet, and the operation that provisions it. If one that fits is provisioned ahead, it is
   * that one; without hooks that it needs first, it is served at once, and its operation has succeeded.
   *
   * @throws NotFoundError (server, plan), ConflictError (the slug or a domain is already in use, the server is draining),
   *   MissingServerRightsError
   */
  create(catalog: EntityManager, options: NewTenant, actor: Actor): Promise<CreatedTenant> {
    const { finished: finishedSteps, isActive } = this.provisionKind.stepsOfSpare;
    const claim = async (serverId: string) => {
      const id = await this.spares.claim(catalog, serverId, options, isActive ? 'active' : 'provisioning');
      return id === undefined ? undefined : { id, finishedSteps };
    };
    const origin = {
      kind: this.provisionKind,
      input: (serverId: string) => ({ serverId }),
      action: 'tenant.create',
      claim,
    };
    return this.creation.create(catalog, options, origin, actor);
  }

  /**
   * @param operator undefined: the command line, which may do everything
   * @throws NotFoundError (tenant, plan), ValidationFailedError (a domain that no tenant can have), ConflictError (a domain belongs to
   *   another tenant), RoleRequiredError, TenantsLimitedError
   */
  async change(
    catalog: EntityManager,
    slugOrId: string,
    change: TenantChange,
    actor: Actor,
    operator?: Operator,
  ): Promise<TenantView> {
    const { id } = await this.records.lock(catalog, slugOrId);
    const before = await this.records.read(id, catalog);
    if (operator) requireRights(operator, before, change);
    const { plan } = change;
    if (plan !== undefined) await withConstraintErrors(TAKEN, () => catalog.update(TenantEntity, id, { plan }));
    if (change.limits) await catalog.update(TenantEntity, id, { limits: change.limits });
    if (change.placement !== undefined) await catalog.update(TenantEntity, id, { placementLabels: change.placement });
    if (change.groups) {
      await catalog.update(TenantEntity, id, { groups: change.groups });
      await endByStrangers(catalog, id, this.audit, actor);
    }
    if (change.domains) await this.domains.set(catalog, before, change.domains);
    const after = await this.records.read(id, catalog);
    const changed = Object.keys(change) as (keyof TenantChange)[];
    await this.audit.record(catalog, {
      ...{ actor, action: 'tenant.change', subjectKind: 'tenant', subjectId: id, subject: after.slug },
      before: pick(before, changed),
      after: pick(after, changed),
    });
    return after;
  }
}

/**
 * A domain takes a host from all other tenants, and its conflicts tell of them. Groups are what operators are limited by, so they belong
 * to those who manage operators. A client that sends what is stored already changes neither.
 */
function requireRights(operator: Operator, before: TenantView, { domains, groups }: TenantChange): void {
  if (domains && !isDeepStrictEqual(domains, before.domains)) requireInstallation(operator, 'operator');
  if (groups && !isDeepStrictEqual(groups, before.groups)) requireInstallation(operator, 'admin');
}

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): object {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}
