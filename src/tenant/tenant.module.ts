import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { getMetadataArgsStorage } from 'typeorm';
import { CacheModule } from '../cache/cache.module.js';
import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import { AccessGuard } from './access/access.guard.js';
import { AdminKey } from './admin-key/admin-key.js';
import { RefusedAttempts } from './admin-key/refused-attempts.js';
import { RouteAccess } from './access/route-access.js';
import { TenantStatusEnforcer } from './admission/tenant-status-enforcer.js';
import { Authenticator } from './identification/authenticator.js';
import { JwtVerifier } from './identification/jwt-verifier.js';
import { RequestIdentification } from './identification/request-identification.js';
import { tenantRepositoryToken } from './context/inject-tenant-repository.decorator.js';
import { TenantAvailability } from './admission/tenant-availability.js';
import { TargetWatch } from './directory/target-watch.js';
import { TenantConnectionService } from './context/tenant-connection.service.js';
import { TenantContext } from './context/tenant-context.js';
import { TenantController } from './tenant.controller.js';
import { TenantDirectory } from './directory/tenant-directory.js';
import { TenantLookup } from './directory/tenant-lookup.js';
import { createTenantRepository } from './context/tenant-repository.js';

/** Identifies the tenant of a request and gives access to that tenant's rows. */
@Module({})
export class TenantModule {
  static register(schema: TenantSchema): DynamicModule {
    const repositories = schema.entities.map(repositoryProvider);
    return {
      module: TenantModule,
      global: true,
      imports: [CacheModule],
      controllers: [TenantController],
      providers: [
        TenantContext,
        TenantDirectory,
        TenantLookup,
        TenantAvailability,
        TenantStatusEnforcer,
        TargetWatch,
        TenantConnectionService,
        JwtVerifier,
        RefusedAttempts,
        AdminKey,
        Authenticator,
        RequestIdentification,
        RouteAccess,
        { provide: APP_GUARD, useClass: AccessGuard },
        ...repositories,
      ],
      exports: [
        AdminKey,
        TenantContext,
        TenantLookup,
        TenantAvailability,
        TenantConnectionService,
        RequestIdentification,
        RouteAccess,
        ...repositories,
      ],
    };
  }
}

function repositoryProvider(entity: TenantSchema['entities'][number]): Provider {
  const isTree = getMetadataArgsStorage().trees.some(({ target }) => target === entity);
  return {
    provide: tenantRepositoryToken(entity),
    inject: [TenantContext],
    useFactory: (context: TenantContext) => createTenantRepository(entity, isTree, context),
  };
}
