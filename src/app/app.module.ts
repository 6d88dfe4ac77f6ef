import { type DynamicModule, Module } from '@nestjs/common';
import { AdminModule } from '../admin/admin.module.js';
import { CatalogModule } from '../catalog/catalog.module.js';
import { DatabaseModule } from '../database/database.module.js';
import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import { HealthModule } from '../health/health.module.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { AppConfigModule } from '../platform/config/config.module.js';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { TenantModule } from '../tenant/tenant.module.js';
import { TracingModule } from '../tracing/tracing.module.js';
import { CustomersModule } from './customers/customers.module.js';
import { OrdersModule } from './orders/orders.module.js';

/** Root module of the sample application. Composition only. */
@Module({})
export class AppModule {
  static async register(loaded: LoadedConfig, schema: TenantSchema): Promise<DynamicModule> {
    return {
      module: AppModule,
      imports: [
        TracingModule,
        AppConfigModule.register(loaded),
        DatabaseModule.register(schema),
        CatalogModule,
        TenantModule.register(schema),
        AdminModule,
        HealthModule,
        MetricsModule.register(loaded.config),
        CustomersModule,
        OrdersModule,
        ...(loaded.config.features.demoTenants ? [await demoModule()] : []),
      ],
    };
  }
}

/** Imported dynamically, so that it is never loaded in production. */
async function demoModule() {
  return (await import('./demo/demo.module.js')).DemoModule;
}
