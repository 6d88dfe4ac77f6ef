import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { HealthModule } from '../health/health.module.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { AuditController } from './audit/audit.controller.js';
import { ControlPlaneServicesModule } from './control-plane-services.module.js';
import { DemoTenants } from '../app/demo/demo-tenants.js';
import { MigrationsController } from './fleet-migrations/migrations.controller.js';
import { OperationEvents } from './operations/operation-events.js';
import { OperationsController } from './operations/operations.controller.js';
import { RuntimeController } from './instances/runtime.controller.js';
import { ServersController } from './servers/servers.controller.js';
import { TenantLifecycleController } from './tenants/tenant-lifecycle.controller.js';
import { TenantsController } from './tenants/tenants.controller.js';

/** What operators do over HTTP, and what only a server does. */
@Module({
  imports: [CacheModule, HealthModule, ControlPlaneServicesModule],
  controllers: [
    ...[RuntimeController, ServersController, TenantsController, TenantLifecycleController, ApiKeysController],
    ...[OperationsController, AuditController, MigrationsController],
  ],
  providers: [OperationEvents, DemoTenants],
  exports: [DemoTenants],
})
export class ControlPlaneModule {}
