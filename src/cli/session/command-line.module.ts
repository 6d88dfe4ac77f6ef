import { type DynamicModule, Module } from '@nestjs/common';
import { CatalogModule } from '../../catalog/catalog.module.js';
import { AppConfigModule } from '../../platform/config/config.module.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import type { Shutdown } from '../../platform/shutdown/shutdown.js';
import { DatabaseModule } from '../../database/database.module.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { ADMIN_SERVICES } from '../../admin/admin-services.js';

/** The admin services and the modules they depend on, without HTTP. */
@Module({})
export class CommandLineModule {
  static register(loaded: LoadedConfig, schema: TenantSchema, shutdown: Shutdown): DynamicModule {
    return {
      module: CommandLineModule,
      imports: [
        AppConfigModule.register(loaded, shutdown),
        DatabaseModule.register({ provide: TENANT_SCHEMA, useValue: schema }),
        CatalogModule,
        ...ADMIN_SERVICES,
      ],
    };
  }
}
