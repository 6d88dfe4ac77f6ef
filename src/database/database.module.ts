import { type DynamicModule, type FactoryProvider, Module, type ValueProvider } from '@nestjs/common';
import { TenantDataSources } from './data-source/tenant-data-sources.js';
import { AdminConnections } from './admin-connections/admin-connections.js';
import { TRUSTED_FUNCTIONS } from './connection/exposing-objects.js';
import { ServerBudgets } from './budget/server-budgets.js';
import { ReadReplicas } from './replicas/read-replicas.js';
import { ConnectionPools } from './pool/connection-pools.js';
import { TENANT_SCHEMA, type TenantSchema } from './table-migrations/tenant-schema/tenant-schema.js';

/** PostgreSQL for tenants: a pool per connection target, and data sources on top. Independent of HTTP and tenant context. */
@Module({})
export class DatabaseModule {
  /** @param schema provides `TENANT_SCHEMA` */
  static register(schema: ValueProvider<TenantSchema> | FactoryProvider<TenantSchema>): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        schema,
        {
          provide: TRUSTED_FUNCTIONS,
          inject: [TENANT_SCHEMA],
          useFactory: ({ trustedFunctions = [] }: TenantSchema) => trustedFunctions,
        },
        ServerBudgets,
        ConnectionPools,
        AdminConnections,
        ReadReplicas,
        TenantDataSources,
      ],
      exports: [
        ...[TENANT_SCHEMA, TRUSTED_FUNCTIONS, ServerBudgets, ConnectionPools, AdminConnections],
        ...[ReadReplicas, TenantDataSources],
      ],
    };
  }
}
