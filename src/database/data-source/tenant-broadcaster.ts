import type { EntityMetadata, ObjectLiteral, QueryRunner } from 'typeorm';
import { Broadcaster } from 'typeorm/subscriber/Broadcaster.js';
import type { BroadcasterResult } from 'typeorm/subscriber/BroadcasterResult.js';
import { assertOwned, isObject, rememberOwner } from './entity-owners.js';

/**
 * TypeORM's broadcaster sees every entity that is loaded, related ones too, and what query builders insert and update. A
 * subscriber would see them as well, at the cost of an event object per row.
 */
export class TenantBroadcaster extends Broadcaster {
  constructor(
    queryRunner: QueryRunner,
    private readonly tenantId: string,
  ) {
    super(queryRunner);
  }

  override broadcastLoadEvent(result: BroadcasterResult, metadata: EntityMetadata, entities: ObjectLiteral[]): void {
    for (const entity of entities) if (isObject(entity)) rememberOwner(entity, this.tenantId);
    super.broadcastLoadEvent(result, metadata, entities);
  }

  override broadcastBeforeInsertEvent(
    result: BroadcasterResult,
    metadata: EntityMetadata,
    entity: ObjectLiteral | undefined,
  ): void {
    if (entity) assertOwned(metadata, entity, this.tenantId);
    super.broadcastBeforeInsertEvent(result, metadata, entity);
  }

  override broadcastBeforeUpdateEvent(...[result, metadata, entity, ...rest]: BeforeUpdate): void {
    if (entity) assertOwned(metadata, entity, this.tenantId);
    super.broadcastBeforeUpdateEvent(result, metadata, entity, ...rest);
  }
}

type BeforeUpdate = Parameters<Broadcaster['broadcastBeforeUpdateEvent']>;
