import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { HealthModule } from '../health/health.module.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeys } from './api-keys/api-keys.js';
import { AuditController } from './audit/audit.controller.js';
import { AuditLog } from './audit/audit-log.js';
import { AuditRecords } from './audit/audit-records.js';
import { ResealKind, ResealRequest } from './credentials/reseal.kind.js';
import { ResealingAtStart } from './credentials/resealing-at-start.js';
import { RotateKind } from './credentials/rotate.kind.js';
import { RotateRequest } from './credentials/rotate.request.js';
import { DemoTenants } from './demo/demo-tenants.js';
import { Idempotency } from './idempotency/idempotency.js';
import { FleetPreview } from './migrations/fleet-preview.js';
import { FleetUnits } from './migrations/fleet-units.js';
import { MigrateKind } from './migrations/migrate.kind.js';
import { MigrateRequest } from './migrations/migrate.request.js';
import { MigrationsController } from './migrations/migrations.controller.js';
import { UnitMigration } from './migrations/unit-migration.js';
import { UnitResults } from './migrations/unit-results.js';
import { OperationEvents } from './operations/operation-events.js';
import { OPERATION_KINDS, type OperationKind } from './operations/operation-kind.js';
import { OperationRecords } from './operations/operation-records.js';
import { OPERATION_REQUESTS, type OperationRequest } from './operations/operation-request.js';
import { OperationRunner } from './operations/operation-runner.js';
import { OperationsController } from './operations/operations.controller.js';
import { Operations } from './operations/operations.js';
import { RequestedOperations } from './operations/requested-operations.js';
import { ProvisionKind } from './provisioning/provision.kind.js';
import { TenantProvisioner } from './provisioning/tenant-provisioner.js';
import { DeleteKind } from './removal/delete.kind.js';
import { RuntimeController } from './runtime/runtime.controller.js';
import { ServersController } from './servers/servers.controller.js';
import { Servers } from './servers/servers.js';
import { TenantLifecycleController } from './tenants/tenant-lifecycle.controller.js';
import { TenantLifecycle } from './tenants/tenant-lifecycle.js';
import { TenantRecords } from './tenants/tenant-records.js';
import { TenantsController } from './tenants/tenants.controller.js';
import { Tenants } from './tenants/tenants.js';

const KINDS = [ProvisionKind, DeleteKind, RotateKind, ResealKind, MigrateKind];
const REQUESTS = [RotateRequest, ResealRequest, MigrateRequest];
const CONTROLLERS = [
  ...[RuntimeController, ServersController, TenantsController, TenantLifecycleController, ApiKeysController],
  ...[OperationsController, AuditController, MigrationsController],
];

/** What operators do: servers, the life of tenants, and the long jobs on them. */
@Module({
  imports: [CacheModule, HealthModule],
  controllers: CONTROLLERS,
  providers: [
    ...KINDS,
    { provide: OPERATION_KINDS, inject: KINDS, useFactory: (...kinds: OperationKind[]) => kinds },
    ...REQUESTS,
    { provide: OPERATION_REQUESTS, inject: REQUESTS, useFactory: (...requests: OperationRequest[]) => requests },
    ResealingAtStart,
    ...[FleetUnits, UnitResults, UnitMigration, FleetPreview],
    Operations,
    OperationRunner,
    OperationRecords,
    OperationEvents,
    RequestedOperations,
    AuditLog,
    AuditRecords,
    Idempotency,
    Servers,
    TenantRecords,
    Tenants,
    TenantLifecycle,
    TenantProvisioner,
    ApiKeys,
    DemoTenants,
  ],
  exports: [TenantProvisioner, ApiKeys, DemoTenants, OperationRunner, ResealingAtStart],
})
export class ControlPlaneModule {}
