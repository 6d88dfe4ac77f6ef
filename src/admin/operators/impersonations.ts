import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { ApiKeyEntity } from '../../catalog/entities/api-key.entity.js';
import { newApiKey } from '../../catalog/model/api-key.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { mayImpersonate, removeLongExpired } from '../../tenant/operators/impersonation-keys.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import type { ImpersonationView, NewImpersonation } from './impersonation.schemas.js';

/**
 * Lets an operator work as a tenant for some minutes, with an API key that names the operator: in the log of each of its
 * requests, and in `principal.impersonatedBy`.
 */
@Injectable()
export class Impersonations {
  constructor(
    private readonly tenants: TenantRecords,
    private readonly audit: AuditLog,
  ) {}

  /** @throws NotFoundError (tenant) */
  async begin(
    catalog: EntityManager,
    slugOrId: string,
    { reason, minutes }: NewImpersonation,
    actor: Actor,
  ): Promise<ImpersonationView> {
    const tenant = await this.tenants.lock(catalog, slugOrId);
    if (actor.id !== undefined && !(await mayImpersonate(catalog, actor.id, tenant.id))) {
      throw new NotFoundError('tenant', slugOrId); // the operator has been revoked or limited since it was admitted
    }
    await removeLongExpired(catalog);
    const { keyId, token, secretHash } = newApiKey();
    await catalog.insert(ApiKeyEntity, {
      ...{ id: keyId, tenantId: tenant.id, secretHash, name: `impersonation by ${actor.name}` },
      ...{
        impersonatedBy: actor.name,
        operatorId: actor.id ?? null,
        reason,
        expiresAt: () => `now() + make_interval(mins => ${minutes})`,
      },
    });
    const { expiresAt } = await catalog.findOneByOrFail(ApiKeyEntity, { id: keyId });
    const view = { keyId, expiresAt: expiresAt?.toISOString() ?? '' };
    const subject = { subjectKind: 'tenant', subjectId: tenant.id, subject: tenant.slug } as const;
    await this.audit.record(catalog, { actor, action: 'tenant.impersonate', ...subject, after: { ...view, reason } });
    return { ...view, token };
  }
}
