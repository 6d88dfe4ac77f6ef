import type { EntityMetadata, ObjectLiteral, QueryRunner } from 'typeorm';
import { Broadcaster } from 'typeorm/subscriber/Broadcaster.js';
import type { BroadcasterResult } from 'typeorm/subscriber/BroadcasterResult.js';
import { toCodedError } from '../statements/statement-failure.js';
import { toRefusedWrite } from './refused-write.js';
import { noteFailedStatement, type StatementSource } from './failed-statement.js';
import { assertOwned, isObject, isReferenceEntity, rememberOwner } from './entity-owners.js';

/**
 * TypeORM's broadcaster sees every entity that is loaded, related ones too, and what query builders insert and update. A
 * subscriber would see them as well, at the cost of an event object per row.
 */
export class TenantBroadcaster extends Broadcaster {
  constructor(
    queryRunner: QueryRunner,
    private readonly source: StatementSource,
  ) {
    super(queryRunner);
  }

  override broadcastLoadEvent(result: BroadcasterResult, metadata: EntityMetadata, entities: ObjectLiteral[]): void {
    if (!isReferenceEntity(metadata)) {
      for (const entity of entities) if (isObject(entity)) rememberOwner(entity, this.source.tenantId);
    }
    super.broadcastLoadEvent(result, metadata, entities);
  }

  override broadcastBeforeInsertEvent(
    result: BroadcasterResult,
    metadata: EntityMetadata,
    entity: ObjectLiteral | undefined,
  ): void {
    if (entity) assertOwned(metadata, entity, this.source.tenantId);
    super.broadcastBeforeInsertEvent(result, metadata, entity);
  }

  override broadcastBeforeUpdateEvent(...[result, metadata, entity, ...rest]: BeforeUpdate): void {
    if (entity) assertOwned(metadata, entity, this.source.tenantId);
    super.broadcastBeforeUpdateEvent(result, metadata, entity, ...rest);
  }

  /**
   * TypeORM wraps whatever its driver throws just after this event, also errors that say something to the caller: those
   * are thrown from here instead.
   *
   * @throws CodedError
   */
  override broadcastAfterQueryEvent(...event: AfterQuery): void {
    super.broadcastAfterQueryEvent(...event);
    const [, text, , hasSucceeded, , , error] = event;
    if (hasSucceeded) return;
    const failed = { text, source: this.source };
    if (isObject(error)) noteFailedStatement(error, failed);
    const failure = toCodedError(error) ?? toRefusedWrite(error, failed);
    if (failure) throw failure;
  }
}

type AfterQuery = Parameters<Broadcaster['broadcastAfterQueryEvent']>;
type BeforeUpdate = Parameters<Broadcaster['broadcastBeforeUpdateEvent']>;
