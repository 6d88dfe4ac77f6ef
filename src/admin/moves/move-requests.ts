import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { PublicError } from '../../platform/errors/public-error.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { PlacementRights } from '../provisioning/placement-rights.js';
import type { NewMove } from './move.schemas.js';

/** A move that was asked for, with its defaults filled in. */
export interface ExaminedMove {
  /** Where the tenant is. */
  readonly current: ConnectionTargetEntity;
  /** The server of the new place. */
  readonly server: ServerEntity;
  readonly isolation: Isolation;
  readonly isThereAlready: boolean;
  /** Why the move cannot be begun, as far as the catalog shows it; empty when it can. */
  readonly refusals: readonly PublicError[];
}

/** Decides whether a move may begin. Changes nothing. */
@Injectable()
export class MoveRequests {
  constructor(private readonly rights: PlacementRights) {}

  /**
   * @param lock keeps the server from draining until the transaction ends
   * @throws NotFoundError (no such server), ConflictError (the tenant was never provisioned)
   */
  async examine(
    catalog: EntityManager,
    tenant: TenantEntity,
    request: NewMove,
    lock?: { readonly mode: 'pessimistic_read' },
  ): Promise<ExaminedMove> {
    const refusals: PublicError[] = [];
    const notActive = new ConflictError(`the tenant is ${tenant.status}: only an active one is moved`);
    if (tenant.targetId === null) throw notActive;
    if (tenant.status !== 'active') refusals.push(notActive);
    if (await catalog.existsBy(MoveEntity, { tenantId: tenant.id })) {
      refusals.push(new ConflictError('its last move is not finished: finish it, or move the tenant back'));
    }
    const where = { id: tenant.targetId };
    const current = await catalog.findOneOrFail(ConnectionTargetEntity, { where, relations: { server: true } });
    const server = await this.serverFor(catalog, current, request.server, lock);
    if (server.draining && server.id !== current.serverId) {
      refusals.push(new ConflictError('the server is draining: it accepts no tenants'));
    }
    const isolation = request.isolation ?? tenant.isolation;
    const isThereAlready = server.id === current.serverId && isolation === tenant.isolation;
    if (isThereAlready) refusals.push(new ConflictError('the tenant is there already'));
    else refusals.push(...(await this.missingRights(catalog, server, isolation)));
    return { current, server, isolation, isThereAlready, refusals };
  }

  private async serverFor(
    catalog: EntityManager,
    { serverId }: ConnectionTargetEntity,
    name: string | undefined,
    lock: { readonly mode: 'pessimistic_read' } | undefined,
  ): Promise<ServerEntity> {
    const where = name === undefined ? { id: serverId } : { name };
    const server = await catalog.findOne(ServerEntity, { where, ...(lock && { lock }) });
    if (!server) throw new NotFoundError('server');
    return server;
  }

  private async missingRights(
    catalog: EntityManager,
    server: ServerEntity,
    isolation: Isolation,
  ): Promise<PublicError[]> {
    try {
      await this.rights.assertSufficient(catalog, server, isolation);
      return [];
    } catch (error) {
      if (error instanceof PublicError) return [error];
      throw error;
    }
  }
}
