import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { endByStrangers } from '../../tenant/operators/impersonation-keys.js';
import { SpareTenants } from '../spare-tenants/spare-tenants.js';
import { ProvisionKind } from '../provisioning/provision.kind.js';
import { type CreatedTenant, TenantCreation } from './tenant-creation.js';
import { setDomains, TAKEN } from './tenant-domains.js';
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

  /** @throws NotFoundError (tenant, plan), ConflictError (a domain belongs to another tenant) */
  async change(catalog: EntityManager, slugOrId: string, change: TenantChange, actor: Actor): Promise<TenantView> {
    const { id } = await this.records.lock(catalog, slugOrId);
    const before = await this.records.read(id, catalog);
    const { plan } = change;
    if (plan !== undefined) await withConstraintErrors(TAKEN, () => catalog.update(TenantEntity, id, { plan }));
    if (change.limits) await catalog.update(TenantEntity, id, { limits: change.limits });
    if (change.groups) {
      await catalog.update(TenantEntity, id, { groups: change.groups });
      await endByStrangers(catalog, id, this.audit, actor);
    }
    if (change.domains) await setDomains(catalog, id, change.domains);
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

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): object {
  return Object.fromEntries(keys.map((key) => [key, from[key]]));
}
