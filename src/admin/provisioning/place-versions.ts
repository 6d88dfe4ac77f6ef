import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { newestMigration } from '../../database/table-migrations/versions/migration-names.js';
import { isBehind } from '../../database/table-migrations/versions/migration-version.js';
import { schemaNameOf } from './names.js';
import { MigrationRequiredError } from './provisioning.errors.js';

type Version = string | null;

/** The versions of tables that tenants are in. */
export async function versionsAt(catalog: EntityManager, targetId: string, schema: string): Promise<Version[]> {
  const others = await catalog.find(TenantEntity, {
    where: { targetId, schema },
    select: { id: true, schemaVersion: true },
  });
  return others.map(({ schemaVersion }) => schemaVersion);
}

/** Rows are copied between tables of the same version only. @returns undefined when they are */
export function versionObstacle(own: Version, there: readonly Version[]): string | undefined {
  const different = there.find((version) => version !== own);
  if (different === undefined) return undefined;
  return `its tables are at ${own}, those of its new place at ${different}: migrate first`;
}

/** Decides, before a place is made, whether a tenant's rows will fit into its tables. */
@Injectable()
export class PlaceVersions {
  constructor(@Inject(TENANT_SCHEMA) private readonly schema: TenantSchema) {}

  /** @returns undefined when they will, and where a later release has migrated the tenant: then one of its instances decides */
  async refusal(
    catalog: EntityManager,
    { schemaVersion }: Pick<TenantEntity, 'schemaVersion'>,
    place: { readonly serverId: string; readonly isolation: Isolation },
  ): Promise<MigrationRequiredError | undefined> {
    const obstacle = versionObstacle(schemaVersion, await this.versionsOf(catalog, schemaVersion, place));
    return obstacle === undefined ? undefined : new MigrationRequiredError(obstacle);
  }

  /** Tables of other tenants are as they are; all others are made by this code. */
  private async versionsOf(
    catalog: EntityManager,
    own: Version,
    { serverId, isolation }: { readonly serverId: string; readonly isolation: Isolation },
  ): Promise<Version[]> {
    if (isolation === 'row') {
      const shared = await catalog.findOneBy(ConnectionTargetEntity, { serverId, kind: 'shared' });
      const versions = shared ? await versionsAt(catalog, shared.id, schemaNameOf({ isolation, id: '' }, shared)) : [];
      if (versions.some((version) => version !== null)) return versions;
    }
    const newest = newestMigration(this.schema.migrations);
    return isBehind(own, newest) ? [newest] : [];
  }
}
