import { type DynamicModule, Module } from '@nestjs/common';
import { CatalogModule } from '../catalog/catalog.module.js';
import { AppConfigModule } from '../platform/config/config.module.js';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { ControlPlaneModule } from '../admin/control-plane.module.js';
import { DatabaseModule } from '../database/database.module.js';
import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import { HealthModule } from '../health/health.module.js';
import { RootController } from '../server/root.controller.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { TenantModule } from '../tenant/tenant.module.js';
import { TracingModule } from '../tracing/tracing.module.js';

/** Composition only. */
@Module({})
export class AppModule {
  static register(loaded: LoadedConfig, schema: TenantSchema): DynamicModule {
    return {
      module: AppModule,
      imports: [
        TracingModule,
        AppConfigModule.register(loaded),
        DatabaseModule.register(schema),
        CatalogModule,
        TenantModule.register(schema),
        ControlPlaneModule,
        HealthModule,
        MetricsModule.register(loaded.config),
        OrdersModule,
      ],
      controllers: [RootController],
    };
  }
}
