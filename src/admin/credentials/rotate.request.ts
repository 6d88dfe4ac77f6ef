import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';
import { serverName } from '../tenants/tenant.schemas.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import { RotateKind } from './rotate.kind.js';

const rotationRequest = z
  .strictObject({
    kind: z.literal('rotate-credentials'),
    tenant: z.string().min(1).max(63).optional().describe('slug or id of a tenant with its own database'),
    server: serverName.optional().describe('the server whose row and schema tenants share a login role'),
  })
  .refine(
    ({ tenant, server }) => (tenant === undefined) !== (server === undefined),
    'must name either a tenant or a server',
  )
  .meta({ id: 'RotateCredentials', example: { kind: 'rotate-credentials', tenant: 'initech' } });
type RotationRequest = z.infer<typeof rotationRequest>;

/** The connection target of a rotation, and the name of the tenant or server that uses it. */
interface Subject {
  readonly targetId: string;
  readonly tenantId: string | null;
  readonly subject: string;
}

@Injectable()
export class RotateRequest implements OperationRequest<RotationRequest> {
  readonly schema = rotationRequest;

  constructor(
    readonly kind: RotateKind,
    private readonly operations: Operations,
    private readonly tenants: TenantRecords,
  ) {}

  async create(catalog: EntityManager, { tenant, server }: RotationRequest, actor: Actor): Promise<OperationEntity> {
    const lookup = tenant === undefined ? this.ofServer(catalog, server ?? '') : this.ofTenant(catalog, tenant);
    const { targetId, tenantId, subject } = await lookup;
    return this.operations.create(catalog, { kind: this.kind, input: { targetId }, tenantId, subject }, actor);
  }

  private async ofTenant(catalog: EntityManager, slugOrId: string): Promise<Subject> {
    const { id, slug, targetId } = await this.tenants.lock(catalog, slugOrId);
    const target = targetId === null ? null : await catalog.findOneBy(ConnectionTargetEntity, { id: targetId });
    if (!target) throw new ConflictError('the tenant has no database yet');
    if (target.kind === 'shared') {
      throw new ConflictError("the tenant shares its login role with others: rotate the server's credentials instead");
    }
    return { targetId: target.id, tenantId: id, subject: slug };
  }

  private async ofServer(catalog: EntityManager, name: string): Promise<Subject> {
    const server = await catalog.findOneBy(ServerEntity, { name });
    const target = server && (await catalog.findOneBy(ConnectionTargetEntity, { serverId: server.id, kind: 'shared' }));
    if (!server) throw new NotFoundError('server');
    if (!target) throw new ConflictError('this server has no shared database, so no shared login role');
    return { targetId: target.id, tenantId: null, subject: name };
  }
}
