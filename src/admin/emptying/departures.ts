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
import { Operations } from '../../operations/operations.js';
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

// One of an earlier stay there is not it: a move has its row until its end has succeeded. One that has failed is, where it can be tried again.
const REQUESTED = `
  SELECT o.id, o.status IN ('failed', 'cancelled') AS "isToBeRetried"
  FROM operations o LEFT JOIN moves m ON m.tenant_id = o.tenant_id
  WHERE o.tenant_id = $1 AND o.kind = $2 AND o.created_by = $3 AND o.created_at >= $4
    AND CASE
      WHEN o.status IN ('pending', 'running') THEN true
      WHEN o.status = 'succeeded' THEN CASE o.kind WHEN 'move' THEN m.operation_id = o.id ELSE m IS NULL END
      WHEN o.kind = 'move' THEN m.operation_id = o.id AND m.state = 'moved'
      ELSE m.state = 'finishing' AND m.created_at <= o.created_at END
  ORDER BY o.created_at DESC LIMIT 1`;

// The tenant is at its new place, and the former one still has its rows.
const UNFINISHED = `
  SELECT t.id AS "tenantId", t.slug, f.server_id AS "from", o.status = 'succeeded' AS "isEnding"
  FROM moves m JOIN operations o ON o.id = m.operation_id
    JOIN tenants t ON (t.id, t.target_id, t.schema_name) = (m.tenant_id, m.to_target_id, m.to_schema)
    JOIN connection_targets f ON f.id = m.from_target_id
  WHERE o.kind = 'move' AND o.created_by = $1 AND m.state IN ('moved', 'finishing')
  ORDER BY m.moved_at`;

/** By which the operation that requests departures tells them from those of others. */
export function departureActor(operationId: string): string {
  return `operation ${operationId}`;
}

/** In SQL: whether the actor has moved the tenant already, also by a move that failed after its switch, or was cancelled during it. */
export function hasMoved(tenantId: string, actorName: string): string {
  return `EXISTS (SELECT FROM operations o
    WHERE o.tenant_id = ${tenantId} AND o.kind = 'move' AND o.created_by = ${actorName}
      AND (o.status = 'succeeded' OR 'switch' = ANY (o.finished_steps) OR o.result ? 'waitMs'))`;
}

const HAS_MOVED = `SELECT ${hasMoved('$1', '$2')} AS "hasMoved"`;

/** Moves tenants away from a server, each by a move and its end, which are operations of their own. */
@Injectable()
export class Departures {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly moves: Moves,
    private readonly operations: Operations,
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

  /** Departures whose tenants have been moved, and whose end is missing. */
  unfinished(actorName: string): Promise<readonly Departure[]> {
    return this.catalog.query<Departure[]>(UNFINISHED, [actorName]);
  }

  /**
   * Requests the next operation of a tenant's departure, unless that was done before a crash. One that has failed, and can be tried again, is retried.
   *
   * Where it goes, if not said, is the one with the most room of the servers that have the labels that the tenant wants.
   *
   * @throws NoServerWithRoomError, ConflictError (it is not where it was to leave from, or has left there before), and as `Moves` does
   */
  async request({ tenantId, isEnding, from, to }: Departure, { actorName, since }: DepartureRequest): Promise<string> {
    const kind = isEnding ? 'move-finish' : 'move';
    const actor = { name: actorName };
    const [known] = await this.catalog.query<KnownOperation[]>(REQUESTED, [tenantId, kind, actorName, since]);
    if (known?.isToBeRetried) await this.operations.retry(known.id, actor);
    if (known) return known.id;
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

interface KnownOperation {
  readonly id: string;
  readonly isToBeRetried: boolean;
}

interface DepartureRequest {
  /** By whom the operations are requested: this tells them from those of others. */
  readonly actorName: string;
  readonly since: Date;
}
