import type { DynamicModule } from '@nestjs/common';
import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import type { LoadedConfig } from '../platform/config/load-config.js';

/** A product built on Tenantry: its tenants' tables and its root module. */
export interface AppDefinition {
  readonly schema: TenantSchema;
  /** Creates the root module for this configuration. */
  compose(loaded: LoadedConfig, schema: TenantSchema): Promise<DynamicModule>;
}
