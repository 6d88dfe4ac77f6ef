import { type DynamicModule, Module } from '@nestjs/common';
import { CatalogModule } from '../../catalog/catalog.module.js';
import { IS_COMMAND } from '../../catalog/instances/lent-connections.js';
import { AppConfigModule } from '../../platform/config/config.module.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { DatabaseModule } from '../../database/database.module.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { HOOKS_APPLICATION, type HooksApplication } from '../../admin/tenant-hooks/hook-host.js';
import { ADMIN_SERVICES } from '../../admin/admin-services.js';

/** What a session runs for. */
export interface CommandLineApplication {
  readonly loaded: LoadedConfig;
  readonly schema: TenantSchema;
  /** The running application whose hooks are called; without it, operations with hooks are left to an instance. */
  readonly application?: HooksApplication | undefined;
}

/** The admin services and the modules they depend on, without HTTP. */
@Module({})
export class CommandLineModule {
  constructor(pools: ConnectionPools, shutdown: Shutdown) {
    shutdown.add('close tenant pools', (graceMs) => pools.close(graceMs)); // of tenants that were seeded
  }

  static register({ loaded, schema, application }: CommandLineApplication, shutdown: Shutdown): DynamicModule {
    return {
      module: CommandLineModule,
      global: true,
      providers: [
        { provide: IS_COMMAND, useValue: true },
        ...(application ? [{ provide: HOOKS_APPLICATION, useValue: application }] : []),
      ],
      exports: [IS_COMMAND, ...(application ? [HOOKS_APPLICATION] : [])],
      imports: [
        AppConfigModule.register(loaded, shutdown),
        DatabaseModule.register({ provide: TENANT_SCHEMA, useValue: schema }),
        CatalogModule,
        ...ADMIN_SERVICES,
      ],
    };
  }
}
