import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { OperationEntity, type OperationFailure } from '../../catalog/entities/operation.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { TenantStatus } from '../../catalog/model/tenant.js';
import { Moves } from '../moves/moves.js';
import { PlacementFacts } from '../placement/placement-facts.js';
import { ServerSelection } from '../placement/server-selection.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { TenantRecords } from '../tenants/tenant-records.js';

/** A tenant that is on the server. */
export interface StayingTenant {
  readonly id: string;
  readonly slug: string;
  readonly status: TenantStatus;
}

/** How far a tenant's move is: an operation that moves it, or the one that removes what it has left. */
export interface Departure {
  readonly tenantId: string;
  readonly slug: string;
  /** Id of the server that it is to leave; absent: the one where it is. */
  readonly from?: string | undefined;
  /** Name of the server where it goes; absent: the one with the most room. */
  readonly to?: string | undefined;
  /** Of the move, or of its end; absent until it is known to have been requested. */
  readonly operationId?: string | undefined;
  readonly isEnding: boolean;
}

export interface EndedOperation {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  readonly error: OperationFailure | null;
}

// Customers' tenants: spare ones are deleted, not moved.
const STAYING = `
  SELECT t.id, t.slug, t.status FROM tenants t JOIN connection_targets c ON c.id = t.target_id
  WHERE c.server_id = $1 AND t.spare_server_id IS NULL
  ORDER BY t.slug`;

// One that has failed, and one of an earlier stay there, are not it: a move has its row until its end has succeeded.
const REQUESTED = `
  SELECT o.id FROM operations o
  WHERE o.tenant_id = $1 AND o.kind = $2 AND o.created_by = $3 AND o.created_at >= $4
    AND (o.status IN ('pending', 'running') OR o.status = 'succeeded' AND CASE o.kind
      WHEN 'move' THEN EXISTS (SELECT FROM moves m WHERE m.operation_id = o.id)
      ELSE NOT EXISTS (SELECT FROM moves m WHERE m.tenant_id = o.tenant_id) END)
  ORDER BY o.created_at DESC LIMIT 1`;

/** By which the operation that requests departures tells them from those of others. */
export function departureActor(operationId: string): string {
  return `operation ${operationId}`;
}

/** In SQL: whether the actor has moved the tenant already. */
export function hasMoved(tenantId: string, actorName: string): string {
  return `EXISTS (SELECT FROM operations o
    WHERE o.tenant_id = ${tenantId} AND o.kind = 'move' AND o.created_by = ${actorName} AND o.status = 'succeeded')`;
}

const HAS_MOVED = `SELECT ${hasMoved('$1', '$2')} AS "hasMoved"`;

/** Moves tenants away from a server, each by a move and its end, which are operations of their own. */
@Injectable()
export class Departures {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly moves: Moves,
    private readonly records: TenantRecords,
    private readonly facts: PlacementFacts,
    private readonly selection: ServerSelection,
  ) {}

  staying(serverId: string): Promise<readonly StayingTenant[]> {
    return this.catalog.query<StayingTenant[]>(STAYING, [serverId]);
  }

  async isDraining(serverId: string): Promise<boolean> {
    return this.catalog.getRepository(ServerEntity).existsBy({ id: serverId, draining: true });
  }

  /**
   * Requests the next operation of a tenant's departure, unless that was done before a crash.
   *
   * Where it goes, if not said, is the one with the most room of the servers that have the labels that the tenant wants.
   *
   * @throws NoServerWithRoomError, ConflictError (it is not where it was to leave from, or has left there before), and as `Moves` does
   */
  async request({ tenantId, isEnding, from, to }: Departure, { actorName, since }: DepartureRequest): Promise<string> {
    const kind = isEnding ? 'move-finish' : 'move';
    const [known] = await this.catalog.query<{ id: string }[]>(REQUESTED, [tenantId, kind, actorName, since]);
    if (known) return known.id;
    const actor = { name: actorName };
    const { id } = await this.catalog.transaction(async (catalog) => {
      if (isEnding) return this.moves.finish(catalog, tenantId, actor);
      if (from !== undefined) await this.assertStays(catalog, tenantId, from, actorName);
      const server = to ?? (await this.destination(catalog, tenantId));
      return this.moves.move(catalog, tenantId, { server }, actor);
    });
    return id;
  }

  /** By id; those that have not ended are left out. */
  async ended(ids: readonly string[]): Promise<ReadonlyMap<string, EndedOperation>> {
    const operations = await this.catalog.getRepository(OperationEntity).findBy({ id: In([...ids]) });
    return new Map(
      operations.flatMap(({ id, status, error }) =>
        status === 'pending' || status === 'running' ? [] : [[id, { status, error }] as const],
      ),
    );
  }

  /** Until the transaction ends: an operator may have moved it, or moved it back. */
  private async assertStays(catalog: EntityManager, tenantId: string, from: string, actorName: string): Promise<void> {
    const { targetId } = await this.records.lock(catalog, tenantId);
    if (!(await catalog.existsBy(ConnectionTargetEntity, { id: targetId ?? '', serverId: from })))
      throw new ConflictError('the tenant is on another server than when the move was planned');
    const [row] = await catalog.query<{ hasMoved: boolean }[]>(HAS_MOVED, [tenantId, actorName]);
    if (row?.hasMoved) throw new ConflictError('the tenant was moved before, and is back');
  }

  /** The tenant is locked before the choice is, as everywhere. */
  private async destination(catalog: EntityManager, tenantId: string): Promise<string> {
    const { isolation, placementLabels, targetId } = await this.records.lock(catalog, tenantId);
    const target = await catalog.findOneBy(ConnectionTargetEntity, { id: targetId ?? '' });
    const fromServerId = target?.serverId;
    const bytes = await this.facts.bytesOf(catalog, tenantId);
    const request = { isolation, labels: placementLabels ?? {}, bytes, fromServerId };
    return (await this.selection.select(catalog, request)).name;
  }
}

interface DepartureRequest {
  /** By whom the operations are requested: this tells them from those of others. */
  readonly actorName: string;
  readonly since: Date;
}
