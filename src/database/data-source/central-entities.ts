import type { EntityTarget, ObjectLiteral } from 'typeorm';
import { CodedError } from '../../platform/errors/coded-error.js';
import { entityName, isSameEntity } from '../../platform/postgres/entity-names.js';

/** Raised when a tenant's repository, manager or query builder is given an entity of the central tables. */
export class CentralEntityError extends CodedError {
  readonly code = 'CENTRAL_ENTITY';

  constructor(readonly entity: string) {
    super(`${entity} is a central entity, which no tenant's database has: use @InjectCentralRepository(${entity})`);
  }
}

/** @throws CentralEntityError */
export function refuseCentral(
  target: EntityTarget<ObjectLiteral>,
  central: readonly EntityTarget<ObjectLiteral>[],
): void {
  const entity = central.find((each) => isSameEntity(each, target));
  if (entity !== undefined) throw new CentralEntityError(entityName(entity));
}
