import { Inject } from '@nestjs/common';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import { entityName } from '../../platform/postgres/entity-names.js';
import { processWide } from '../../platform/process-wide.js';

const tokens = processWide('repository-tokens', () => new Map<EntityTarget<ObjectLiteral>, symbol>());

/** The injection token of an entity's tenant repository. */
export function tenantRepositoryToken(entity: EntityTarget<ObjectLiteral>): symbol {
  let token = tokens.get(entity);
  if (!token) {
    // Nest shows it where nothing provides it.
    const name = entityName(entity);
    token = Symbol(`TenantRepository(${name}): add it to TenantryModule.forFeature({ entities: [${name}] })`);
    tokens.set(entity, token);
  }
  return token;
}

/**
 * Injects a TypeORM `Repository` (a `TreeRepository` for tree entities) of the current call's tenant. Safe in
 * singletons: it holds no tenant, and throws `NO_TENANT_CONTEXT` outside of a tenant context.
 */
export const InjectTenantRepository = (entity: EntityTarget<ObjectLiteral>): ParameterDecorator & PropertyDecorator =>
  Inject(tenantRepositoryToken(entity));
