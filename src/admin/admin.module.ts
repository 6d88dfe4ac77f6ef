import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { ADMIN_SERVICES } from './admin-services.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { AuditController } from './audit/audit.controller.js';
import { ClonesController } from './clones/clones.controller.js';
import { ErasureReportsController } from './deprovisioning/erasure-reports.controller.js';
import { BackupsController } from './backups/backups.controller.js';
import { MigrationsController } from './fleet-migrations/migrations.controller.js';
import { InstancesController } from './instances/instances.controller.js';
import { RuntimeController } from './instances/runtime.controller.js';
import { MovesController } from './moves/moves.controller.js';
import { ImpersonationsController } from './operators/impersonations.controller.js';
import { OperatorsController } from './operators/operators.controller.js';
import { OperationEvents } from './operations/operation-events.js';
import { OperationReach } from './operations/operation-reach.js';
import { OperationsController } from './operations/operations.controller.js';
import { PlansController } from './plans/plans.controller.js';
import { RebalanceController } from './rebalancing/rebalance.controller.js';
import { ReferenceDataController } from './reference-data/reference-data.controller.js';
import { ServerConnectionsController } from './servers/server-connections.controller.js';
import { ServersController } from './servers/servers.controller.js';
import { ExportsController } from './stored-archives/exports.controller.js';
import { TenantArchivesController } from './stored-archives/tenant-archives.controller.js';
import { StoredSizesController } from './stored-sizes/stored-sizes.controller.js';
import { SettingsController } from './settings/settings.controller.js';
import { TenantCountsController } from './tenants/tenant-counts.controller.js';
import { TenantHealthController } from './tenants/tenant-health.controller.js';
import { TenantLifecycleController } from './tenants/tenant-lifecycle.controller.js';
import { UsageController } from './usage/usage.controller.js';
import { UsageEvents } from './usage/usage-events.js';
import { TenantsController } from './tenants/tenants.controller.js';

/** The control plane's REST API. */
@Module({
  imports: [CacheModule, ...ADMIN_SERVICES],
  controllers: [
    ApiKeysController,
    AuditController,
    ClonesController,
    ErasureReportsController,
    ExportsController,
    BackupsController,
    InstancesController,
    MigrationsController,
    MovesController,
    OperationsController,
    OperatorsController,
    ImpersonationsController,
    PlansController,
    RebalanceController,
    ReferenceDataController,
    RuntimeController,
    ServerConnectionsController,
    ServersController,
    StoredSizesController,
    TenantArchivesController,
    SettingsController,
    TenantCountsController,
    TenantHealthController,
    TenantLifecycleController,
    TenantsController,
    UsageController,
  ],
  providers: [OperationEvents, OperationReach, UsageEvents],
})
export class AdminModule {}
