import { type EntityTarget, type ObjectLiteral, Repository, TreeRepository } from 'typeorm';
import type { TenantContext } from './tenant-context.js';

/**
 * A repository whose entity manager is the current tenant's, looked up at every use. All of TypeORM's repository
 * methods go through `this.manager`, so this one accessor carries them to the right database.
 */
export function createTenantRepository(
  entity: EntityTarget<ObjectLiteral>,
  isTree: boolean,
  context: TenantContext,
): Repository<ObjectLiteral> {
  const prototype: Repository<ObjectLiteral> = isTree ? TreeRepository.prototype : Repository.prototype;
  const repository = Object.create(prototype) as Repository<ObjectLiteral>;
  return Object.defineProperties(repository, {
    target: { value: entity, enumerable: true },
    manager: { get: () => context.current().dataSource.manager, enumerable: true },
    // TypeORM's own extend() copies the manager, and would bind the result to whoever calls it.
    extend: { value: (customs: object) => Object.assign(Object.create(repository), customs) },
  });
}
