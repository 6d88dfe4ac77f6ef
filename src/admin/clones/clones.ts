import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { storedLimits } from '../../catalog/model/limits.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { PlaceVersions } from '../provisioning/place-versions.js';
import { type CreatedTenant, TenantCreation } from '../tenants/tenant-creation.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { CloneMasks } from './clone-masks.js';
import { refusalOf } from './clone-sources.js';
import { CloneKind } from './clone.kind.js';
import type { NewClone } from './clone.schemas.js';

/**
 * Creates tenants that begin with the rows of another one, and with what was decided for it: plan, limits, settings, feature
 * flags and groups.
 */
@Injectable()
export class Clones {
  constructor(
    private readonly records: TenantRecords,
    private readonly creation: TenantCreation,
    private readonly versions: PlaceVersions,
    private readonly masks: CloneMasks,
    private readonly kind: CloneKind,
  ) {}

  /**
   * Creates a tenant, which is not served yet, and the operation that copies the rows.
   *
   * @throws NotFoundError (tenant or server), ConflictError (it has not all of its rows; the slug or a domain is already in
   *   use, the server is draining), ValidationFailedError (no masks are declared), MissingServerRightsError, MigrationRequiredError
   */
  async create(
    catalog: EntityManager,
    slugOrId: string,
    { masked, isolation, server, ...options }: NewClone,
    actor: Actor,
  ): Promise<CreatedTenant> {
    const source = await this.records.lock(catalog, slugOrId);
    const refusal = refusalOf(source.status);
    if (refusal !== undefined) throw new ConflictError(`the tenant cannot be cloned: ${refusal}`);
    const place = { isolation: isolation ?? source.isolation, server: server ?? (await serverOf(catalog, source)) };
    await this.assertSameVersion(catalog, source, place);
    const tenant = {
      ...{ ...options, ...place, groups: source.groups },
      ...(source.plan !== null && { plan: source.plan }),
      ...(source.placementLabels !== null && { placement: source.placementLabels }),
      limits: { ...storedLimits(source.limits), ...options.limits },
    };
    const columns = masked ? this.masks.columns() : null;
    const origin = {
      kind: this.kind,
      input: (serverId: string) => ({ serverId, sourceId: source.id, masked: columns }),
      action: 'tenant.clone',
      details: { of: source.id, masked },
      values: { settings: source.settings, features: source.features },
    };
    return this.creation.create(catalog, tenant, origin, actor);
  }

  private async assertSameVersion(
    catalog: EntityManager,
    source: TenantEntity,
    { isolation, server: name }: { readonly isolation: Isolation; readonly server: string },
  ): Promise<void> {
    const server = await catalog.findOneBy(ServerEntity, { name });
    if (!server) throw new NotFoundError('server');
    const refusal = await this.versions.refusal(catalog, source, { serverId: server.id, isolation });
    if (refusal) throw refusal;
  }
}

async function serverOf(catalog: EntityManager, { targetId }: TenantEntity): Promise<string> {
  const where = { id: targetId ?? '' };
  const { server } = await catalog.findOneOrFail(ConnectionTargetEntity, { where, relations: { server: true } });
  return server.name;
}
