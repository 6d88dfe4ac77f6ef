import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { getMetadataArgsStorage } from 'typeorm';
import { CatalogModule } from '../catalog/catalog.module.js';
import { CentralModule } from '../central/central.module.js';
import { CENTRAL_TABLES, type CentralFeature } from '../central/central-tables.js';
import { centralRepositoryProvider } from '../central/inject-central-repository.decorator.js';
import { DatabaseModule } from '../database/database.module.js';
import { TENANT_SCHEMA } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { HOST_USES, type HostUses } from '../platform/config/host-config.js';
import { tenantRepositoryToken } from '../tenant/context/inject-tenant-repository.decorator.js';
import { TenantContext } from '../tenant/context/tenant-context.js';
import { createTenantRepository } from '../tenant/context/tenant-repository.js';
import { TenantModule } from '../tenant/tenant.module.js';
import { VersionLimitations } from './version-limitations.js';
import { ConfigurationModule } from './configuration.module.js';
import {
  CENTRAL_FEATURE,
  centralTablesOf,
  type RegisteredFeature,
  TENANT_FEATURE,
  type TenantFeature,
  tenantSchemaOf,
} from './features.js';
import { optionalModules } from './optional-modules.js';
import {
  TENANTRY_SETTINGS,
  type TenantryAsyncOptions,
  type TenantryOptions,
  type TenantrySettings,
  type TenantryStructure,
} from './options.js';
import { SecondRootError } from './tenantry.errors.js';

/** What the settings' factory needs, and the factory. */
type SettingsProvider = Pick<TenantryAsyncOptions, 'inject' | 'useFactory'>;

/**
 * Multi-tenancy for a NestJS application: `forRoot` once, in the root module, `forFeature` in each domain with tables of
 * tenants, and `forCentral` in each with tables of the whole product.
 */
@Module({})
export class TenantryModule {
  /** Reads its settings from `process.env` and `.env`, or from `env`. */
  static forRoot({ env, ...structure }: TenantryOptions = {}): DynamicModule {
    const settings: TenantrySettings = env === undefined ? {} : { env };
    return rootModule(structure, { useFactory: () => settings });
  }

  /** Settings from a factory. What decides which controllers and providers there are is given directly, not by the factory. */
  static forRootAsync({ inject, useFactory, ...structure }: TenantryAsyncOptions): DynamicModule {
    return rootModule(structure, { useFactory, ...(inject && { inject }) });
  }

  /** Adds entities, with the migrations of their tables and subscribers, to every tenant; and their repositories to the module. */
  static forFeature(feature: TenantFeature): DynamicModule {
    const { entities = [], referenceEntities = [] } = feature;
    const repositories = [...entities, ...referenceEntities].map(repositoryProvider);
    return {
      module: TenantryModule,
      providers: [{ provide: TENANT_FEATURE, useValue: feature }, ...repositories],
      exports: repositories,
    };
  }

  /**
   * Adds entities, with the migrations of their tables, to the central tables, which belong to no tenant: users, memberships,
   * plans. They are in the catalog's database, in the schema `CENTRAL_SCHEMA`, and are migrated when the application starts.
   */
  static forCentral(feature: CentralFeature): DynamicModule {
    const repositories = (feature.entities ?? []).map(centralRepositoryProvider);
    return {
      module: TenantryModule,
      providers: [{ provide: CENTRAL_FEATURE, useValue: feature }, ...repositories],
      exports: repositories,
    };
  }
}

/** A separate class, because `forFeature` makes modules of `TenantryModule`. */
@Module({})
class TenantryRootModule {
  constructor(modules: ModulesContainer) {
    const roots = [...modules.values()].filter(({ metatype }) => metatype === TenantryRootModule);
    if (roots.length > 1) throw new SecondRootError();
  }
}

function rootModule(structure: TenantryStructure, { inject = [], useFactory }: SettingsProvider): DynamicModule {
  const {
    guard = 'explicit',
    resolveAfterGuards = false,
    resolver,
    messageResolver,
    imports = [],
    typeorm,
  } = structure;
  const { controlPlane = false, metrics = false } = structure;
  const rootFeature: RegisteredFeature = typeorm ? { typeorm } : {};
  const uses: HostUses = {
    tokens: !resolver?.prototype || 'handles' in resolver.prototype,
    adminKey: controlPlane || metrics,
  };
  return {
    module: TenantryRootModule,
    global: true,
    imports: [
      ConfigurationModule,
      DatabaseModule.register({
        provide: TENANT_SCHEMA,
        inject: [ModulesContainer],
        useFactory: tenantSchemaOf,
      }),
      CatalogModule,
      CentralModule.register({ provide: CENTRAL_TABLES, inject: [ModulesContainer], useFactory: centralTablesOf }),
      TenantModule.register({ guard, resolveAfterGuards, resolver, messageResolver, imports }),
      ...imports,
      ...optionalModules(structure),
    ],
    providers: [
      { provide: TENANTRY_SETTINGS, inject, useFactory },
      { provide: HOST_USES, useValue: uses },
      { provide: TENANT_FEATURE, useValue: rootFeature },
      VersionLimitations,
    ],
    exports: [TENANTRY_SETTINGS, HOST_USES],
  };
}

function repositoryProvider(entity: NonNullable<TenantFeature['entities']>[number]): Provider {
  const isTree = getMetadataArgsStorage().trees.some(({ target }) => target === entity);
  return {
    provide: tenantRepositoryToken(entity),
    inject: [TenantContext],
    useFactory: (context: TenantContext) => createTenantRepository(entity, isTree, context),
  };
}
