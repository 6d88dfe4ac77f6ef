import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { drainingRefusal } from '../placement/placement.errors.js';
import { serverName } from '../tenants/tenant.schemas.js';
import { EmptyServerKind } from './empty-server.kind.js';

const DEFAULT_AT_ONCE = 2;
const MAX_AT_ONCE = 16;

export const movesAtOnce = z
  .int()
  .min(1)
  .max(MAX_AT_ONCE)
  .default(DEFAULT_AT_ONCE)
  .describe('tenants that are moved at the same time; an instance runs two operations at once');

const emptyServerRequest = z
  .strictObject({
    kind: z.literal('empty-server'),
    server: serverName.describe('a draining one'),
    to: serverName
      .optional()
      .describe('by default, for each tenant, the one with the most room that has the labels that the tenant wants'),
    atOnce: movesAtOnce,
  })
  .refine(({ server, to }) => server !== to, { path: ['to'], message: 'must be another server' })
  .meta({ id: 'EmptyServer', example: { kind: 'empty-server', server: 'eu-1', to: 'eu-2' } });
type EmptyServer = z.infer<typeof emptyServerRequest>;

/** Requests that a draining server's tenants are moved away. */
@Injectable()
export class EmptyServerRequest implements OperationRequest<EmptyServer> {
  readonly role = 'admin';
  readonly schema = emptyServerRequest;

  constructor(
    readonly kind: EmptyServerKind,
    private readonly operations: Operations,
  ) {}

  async create(
    catalog: EntityManager,
    { server: name, to, atOnce }: EmptyServer,
    actor: Actor,
  ): Promise<OperationEntity> {
    const server = await this.find(catalog, name);
    if (!server.draining)
      throw new ConflictError('the server must be drained first, so that no tenant is placed on it');
    const target = to === undefined ? undefined : await this.find(catalog, to);
    if (target?.draining) throw drainingRefusal(target);
    const input = { serverId: server.id, atOnce, ...(to !== undefined && { to }) };
    return this.operations.create(catalog, { kind: this.kind, input, tenantId: null, subject: name }, actor);
  }

  private async find(catalog: EntityManager, name: string): Promise<ServerEntity> {
    const server = await catalog.findOneBy(ServerEntity, { name });
    if (!server) throw new NotFoundError('server');
    return server;
  }
}
