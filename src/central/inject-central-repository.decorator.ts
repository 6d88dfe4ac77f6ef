import { Inject, type Provider } from '@nestjs/common';
import { type DataSource, type EntityTarget, getMetadataArgsStorage, type ObjectLiteral } from 'typeorm';
import { entityName } from '../platform/postgres/entity-names.js';
import { processWide } from '../platform/process-wide.js';
import { CENTRAL } from './central-data-source.js';

const tokens = processWide('central-repository-tokens', () => new Map<EntityTarget<ObjectLiteral>, symbol>());

/** The injection token of an entity's central repository. */
export function centralRepositoryToken(entity: EntityTarget<ObjectLiteral>): symbol {
  let token = tokens.get(entity);
  if (!token) {
    // Nest shows it where nothing provides it.
    const name = entityName(entity);
    token = Symbol(`CentralRepository(${name}): add it to TenantryModule.forCentral({ entities: [${name}] })`);
    tokens.set(entity, token);
  }
  return token;
}

/**
 * Injects the TypeORM `Repository` (a `TreeRepository` for tree entities) of a central entity: the same rows within a tenant's
 * context, within another one's, and without any. Its `manager.transaction()` is a transaction of the central tables.
 */
export const InjectCentralRepository = (entity: EntityTarget<ObjectLiteral>): ParameterDecorator & PropertyDecorator =>
  Inject(centralRepositoryToken(entity));

/** Provides the repository. */
export function centralRepositoryProvider(entity: EntityTarget<ObjectLiteral>): Provider {
  const isTree = getMetadataArgsStorage().trees.some(({ target }) => target === entity);
  return {
    provide: centralRepositoryToken(entity),
    inject: [CENTRAL],
    useFactory: (central: DataSource) => (isTree ? central.getTreeRepository(entity) : central.getRepository(entity)),
  };
}
