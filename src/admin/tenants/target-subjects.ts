import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { assertProvisioned, TenantRecords } from './tenant-records.js';
import { serverName } from './tenant.schemas.js';

/** Names a connection target by the tenant or the server that it belongs to. */
export const tenantOrServer = {
  tenant: z.string().min(1).max(63).optional().describe('slug or id of a tenant with its own database'),
  server: serverName.optional().describe('the server whose row and schema tenants share a database'),
};

interface TenantOrServer {
  readonly tenant?: string | undefined;
  readonly server?: string | undefined;
}

export function namesOneDatabase({ tenant, server }: TenantOrServer): boolean {
  return (tenant === undefined) !== (server === undefined);
}

/** The connection target of an operation, and the name of the tenant or server that uses it. */
interface TargetSubject {
  readonly targetId: string;
  readonly tenantId: string | null;
  readonly subject: string;
  /** Whether an operator made the database and the login role. */
  readonly provided: boolean;
}

/** Finds the target that a request for an operation names. */
@Injectable()
export class TargetSubjects {
  constructor(private readonly tenants: TenantRecords) {}

  /** @throws NotFoundError, ConflictError */
  find(catalog: EntityManager, { tenant, server }: TenantOrServer): Promise<TargetSubject> {
    return tenant === undefined ? this.ofServer(catalog, server ?? '') : this.ofTenant(catalog, tenant);
  }

  private async ofTenant(catalog: EntityManager, slugOrId: string): Promise<TargetSubject> {
    const tenant = await this.tenants.lock(catalog, slugOrId);
    assertProvisioned(tenant);
    const { id, slug, targetId } = tenant;
    const target = targetId === null ? null : await catalog.findOneBy(ConnectionTargetEntity, { id: targetId });
    if (!target) throw new ConflictError('the tenant has no database yet');
    if (target.kind === 'shared') {
      throw new ConflictError('the tenant shares its database and login role with others: name the server instead');
    }
    return { targetId: target.id, tenantId: id, subject: slug, provided: target.provided };
  }

  private async ofServer(catalog: EntityManager, name: string): Promise<TargetSubject> {
    const server = await catalog.findOneBy(ServerEntity, { name });
    const target = server && (await catalog.findOneBy(ConnectionTargetEntity, { serverId: server.id, kind: 'shared' }));
    if (!server) throw new NotFoundError('server');
    if (!target) throw new ConflictError('this server has no shared database, so no shared login role');
    return { targetId: target.id, tenantId: null, subject: name, provided: target.provided };
  }
}
