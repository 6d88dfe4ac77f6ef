import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { Isolation, TenantStatus } from '../../catalog/model/tenant.js';
import { PublicError } from '../../platform/errors/public-error.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { drainingRefusal } from '../placement/placement.errors.js';
import { ServerSelection } from '../placement/server-selection.js';
import { PlacementRights } from '../provisioning/placement-rights.js';
import { PlaceVersions } from '../provisioning/place-versions.js';
import type { NewMove } from './move.schemas.js';

/** A move or a restore that was asked for, with its defaults filled in. */
export interface ExaminedMove {
  /** Where the tenant is. */
  readonly current: ConnectionTargetEntity;
  /** The server of the new place. */
  readonly server: ServerEntity;
  readonly isolation: Isolation;
  readonly isThereAlready: boolean;
  /** Why it cannot be begun, as far as the catalog shows it; empty when it can. */
  readonly refusals: readonly PublicError[];
}

/** What a request may name. */
type RequestedPlace = Partial<NewMove>;

/** Keeps the server from draining until the transaction ends. */
type ServerLock = { readonly mode: 'pessimistic_read' };

/** A restore is also wanted while a tenant is not served. */
const RESTORED: readonly TenantStatus[] = ['active', 'suspended', 'maintenance'];

/** Decides whether a move, or a restore over a tenant, may begin. Changes nothing. */
@Injectable()
export class MoveRequests {
  constructor(
    private readonly rights: PlacementRights,
    private readonly versions: PlaceVersions,
    private readonly selection: ServerSelection,
  ) {}

  /** @throws NotFoundError (no such server), ConflictError (the tenant was never provisioned) */
  async examine(
    catalog: EntityManager,
    tenant: TenantEntity,
    request: RequestedPlace,
    lock?: ServerLock,
  ): Promise<ExaminedMove> {
    const refusals: PublicError[] = [];
    const notActive = new ConflictError(`the tenant is ${tenant.status}: only an active one is moved`);
    if (tenant.targetId === null) throw notActive;
    if (tenant.status !== 'active') refusals.push(notActive);
    const { current, server } = await this.servers(catalog, tenant.targetId, request, lock);
    const isolation = request.isolation ?? tenant.isolation;
    const isThereAlready = server.id === current.serverId && isolation === tenant.isolation;
    refusals.push(...(await this.unfinished(catalog, tenant)), ...draining(current, server));
    if (isThereAlready) refusals.push(new ConflictError('the tenant is there already'));
    else refusals.push(...(await this.refusalsOf(catalog, tenant, current, { server, isolation }, lock)));
    return { current, server, isolation, isThereAlready, refusals };
  }

  /**
   * The same for a backup that is restored over the tenant. It gets another schema or database where it is, unless the request
   * names another place; but shared tables have room for its rows once.
   *
   * @throws NotFoundError (no such server), ConflictError (the tenant was never provisioned)
   */
  async examineRestore(
    catalog: EntityManager,
    tenant: TenantEntity,
    request: RequestedPlace,
    lock: ServerLock,
  ): Promise<ExaminedMove> {
    const refusals: PublicError[] = [];
    const notServed = new ConflictError(`the tenant is ${tenant.status}`);
    if (tenant.targetId === null) throw notServed;
    if (!RESTORED.includes(tenant.status) || tenant.spareServerId !== null) refusals.push(notServed);
    const { current, server } = await this.servers(catalog, tenant.targetId, request, lock);
    const isSharing = server.id === current.serverId && tenant.isolation === 'row';
    const { isolation = isSharing ? 'schema' : tenant.isolation } = request;
    const isThereAlready = isSharing && isolation === 'row';
    refusals.push(...(await this.unfinished(catalog, tenant)), ...draining(current, server));
    if (isThereAlready) {
      refusals.push(
        new ConflictError('shared tables have room for its rows once: restore it with isolation schema or database'),
      );
    } else refusals.push(...(await this.refusalsOf(catalog, tenant, current, { server, isolation }, lock)));
    return { current, server, isolation, isThereAlready, refusals };
  }

  private async unfinished(catalog: EntityManager, { id }: TenantEntity): Promise<PublicError[]> {
    const move = await catalog.findOneBy(MoveEntity, { tenantId: id });
    if (!move) return [];
    const what = move.backupId === null ? 'move' : 'restore';
    return [new ConflictError(`its last ${what} is not finished: finish it, or move the tenant back`)];
  }

  private async servers(
    catalog: EntityManager,
    targetId: string,
    { server: name }: RequestedPlace,
    lock: ServerLock | undefined,
  ): Promise<Pick<ExaminedMove, 'current' | 'server'>> {
    const current = await catalog.findOneOrFail(ConnectionTargetEntity, {
      where: { id: targetId },
      relations: { server: true },
    });
    const where = name === undefined ? { id: current.serverId } : { name };
    const server = await catalog.findOne(ServerEntity, { where, ...(lock && { lock }) });
    if (!server) throw new NotFoundError('server');
    return { current, server };
  }

  /** Of the new place. */
  private async refusalsOf(
    catalog: EntityManager,
    tenant: TenantEntity,
    current: ConnectionTargetEntity,
    { server, isolation }: Pick<ExaminedMove, 'server' | 'isolation'>,
    lock: ServerLock | undefined,
  ): Promise<PublicError[]> {
    const version = await this.versions.refusal(catalog, tenant, { serverId: server.id, isolation });
    const rights = await this.rights.missing(catalog, server, isolation);
    const isElsewhere = server.id !== current.serverId;
    const room = isElsewhere && (await this.selection.refusalOf(catalog, server, tenant, lock !== undefined));
    return [room || [], rights ?? [], version ?? []].flat();
  }
}

function draining({ serverId }: ConnectionTargetEntity, server: ServerEntity): PublicError[] {
  if (!server.draining || server.id === serverId) return [];
  return [drainingRefusal(server)];
}
