import type { DynamicModule } from '@nestjs/common';
import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import type { LoadedConfig } from '../platform/config/load-config.js';

/** What a product brings: its tenants' tables, and the modules that it is composed of. */
export interface AppDefinition {
  readonly schema: TenantSchema;
  /** The root module for this configuration. */
  compose(loaded: LoadedConfig, schema: TenantSchema): Promise<DynamicModule>;
}
