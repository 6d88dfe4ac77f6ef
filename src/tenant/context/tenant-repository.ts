import { type EntityTarget, type ObjectLiteral, Repository, TreeRepository } from 'typeorm';
import type { TenantContext } from './tenant-context.js';

/**
 * Creates a repository whose entity manager is the current tenant's, looked up at every use. All of TypeORM's
 * repository methods go through `this.manager`, so this one accessor directs them to the right database.
 */
export function createTenantRepository(
  entity: EntityTarget<ObjectLiteral>,
  isTree: boolean,
  context: TenantContext,
): Repository<ObjectLiteral> {
  return repositoryLike(isTree ? TreeRepository.prototype : Repository.prototype, entity, context);
}

function repositoryLike(
  prototype: Repository<ObjectLiteral>,
  entity: EntityTarget<ObjectLiteral>,
  context: TenantContext,
): Repository<ObjectLiteral> {
  return Object.defineProperties(Object.create(prototype) as Repository<ObjectLiteral>, {
    target: { value: entity, enumerable: true },
    manager: { get: () => context.current().dataSource.manager, enumerable: true },
    // TypeORM's extend() copies the manager, which would bind the result to the calling tenant. As there, the new methods
    // belong to a class, which withRepository() instantiates for a transaction's repository.
    extend: { value: (customs: object) => repositoryLike(extendedBy(prototype, customs), entity, context) },
  });
}

function extendedBy(prototype: Repository<ObjectLiteral>, customs: object): Repository<ObjectLiteral> {
  class Extended extends (prototype.constructor as typeof Repository<ObjectLiteral>) {}
  return Object.assign(Extended.prototype, customs);
}
