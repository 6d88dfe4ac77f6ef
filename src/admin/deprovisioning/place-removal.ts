import { Injectable } from '@nestjs/common';
import pg from 'pg';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { SHARED_SCHEMA } from '../../catalog/provided-database.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { TargetUnavailableError } from '../../database/connection/connection.errors.js';
import { lockTarget } from '../provisioning/target-lock.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { deleteTenantRows, type RowDeletionOptions } from './delete-tenant-rows.js';
import { dropLoginRole, dropTenantDatabase, dropTenantSchema } from './drop-placement.js';

/** Where a tenant's rows are, or were. */
export interface TenantPlace {
  readonly tenantId: string;
  readonly isolation: Isolation;
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
}

const NO_SUCH_DATABASE = '3D000';

/** Whether a connection was refused because its database does not exist. */
export function isMissingDatabase(error: unknown): boolean {
  const refusal = error instanceof TargetUnavailableError ? error.cause : error;
  return refusal instanceof pg.DatabaseError && refusal.code === NO_SUCH_DATABASE;
}

/** Removes what a tenant has at a place: its rows, its schema, or its database and login role. Each part can run again. */
@Injectable()
export class PlaceRemoval {
  constructor(
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly targets: TargetDatabases,
  ) {}

  /** @param onProgress called with the number of rows deleted so far */
  async removeData(
    place: TenantPlace,
    signal: AbortSignal,
    onProgress?: RowDeletionOptions['onProgress'],
  ): Promise<void> {
    const { target } = place;
    if (target.kind === 'dedicated') {
      return this.adminConnections.use(this.owner.of(target.server), (client) =>
        dropTenantDatabase(client, target.database, target.adopted),
      );
    }
    try {
      await this.removeFromShared(place, signal, onProgress);
    } catch (error) {
      // Provisioning failed before the database was created.
      if (!isMissingDatabase(error)) throw error;
    }
  }

  /** The login role of a tenant's own database. That of other places is shared with other tenants, and stays. */
  async removeRole(target: ConnectionTargetEntity, signal: AbortSignal): Promise<void> {
    if (target.kind !== 'dedicated') return;
    await this.adminConnections.use(
      this.owner.of(target.server),
      async (client) => {
        await lockTarget(client, target.id);
        await dropLoginRole(client, target);
      },
      { signal },
    );
  }

  private async removeFromShared(
    { tenantId, isolation, target, schema }: TenantPlace,
    signal: AbortSignal,
    onProgress: RowDeletionOptions['onProgress'],
  ): Promise<void> {
    await this.targets.use(
      target,
      async (client) => {
        if (isolation === 'schema') return dropTenantSchema(client, schema, isAdopted(target, schema));
        await deleteTenantRows(client, schema, tenantId, {
          ...{ signal, adoptedSchema: target.rowSchema },
          ...(onProgress && { onProgress }),
        });
      },
      { signal },
    );
  }
}

/** Schemas that were there before have no names of ours; those that were made since, do. */
function isAdopted({ adopted, rowSchema }: ConnectionTargetEntity, schema: string): boolean {
  return adopted && schema !== rowSchema && schema !== SHARED_SCHEMA;
}
