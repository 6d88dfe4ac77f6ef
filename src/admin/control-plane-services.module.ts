import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { ApiKeys } from './api-keys/api-keys.js';
import { AuditLog } from '../catalog/audit/audit-log.js';
import { AuditRecords } from './audit/audit-records.js';
import { ResealKind, ResealRequest } from './credentials/re-encrypt.kind.js';
import { ResealingAtStart } from './credentials/startup-re-encryption.js';
import { RotateKind } from './credentials/rotate.kind.js';
import { RotateRequest } from './credentials/rotate.request.js';
import { Idempotency } from './idempotency/idempotency.js';
import { FleetPreview } from './fleet-migrations/fleet-preview.js';
import { FleetUnits } from './fleet-migrations/fleet-units.js';
import { MigrateKind } from './fleet-migrations/migrate.kind.js';
import { MigrateRequest } from './fleet-migrations/migrate.request.js';
import { MigratingAtStart } from './fleet-migrations/startup-migration.js';
import { UnitMigration } from './fleet-migrations/unit-migration.js';
import { UnitResults } from './fleet-migrations/unit-results.js';
import { OPERATION_KINDS, type OperationKind } from '../operations/operation-kind.js';
import { OperationRecords } from './operations/operation-records.js';
import { OPERATION_REQUESTS, type OperationRequest } from '../operations/operation-request.js';
import { OperationRunner } from '../operations/operation-runner.js';
import { Operations } from '../operations/operations.js';
import { RequestedOperations } from './operations/requested-operations.js';
import { ProvisionKind } from './provisioning/provision.kind.js';
import { TenantProvisioner } from './tenants/tenant-provisioner.js';
import { DeleteKind } from './deprovisioning/delete.kind.js';
import { Servers } from './servers/servers.js';
import { TenantLifecycle } from './tenants/tenant-lifecycle.js';
import { TenantRecords } from './tenants/tenant-records.js';
import { Tenants } from './tenants/tenants.js';

const KINDS = [ProvisionKind, DeleteKind, RotateKind, ResealKind, MigrateKind];
const REQUESTS = [RotateRequest, ResealRequest, MigrateRequest];

const SERVICES = [
  ...[FleetUnits, UnitResults, UnitMigration, FleetPreview, MigratingAtStart],
  ...[Operations, OperationRunner, OperationRecords, RequestedOperations, ResealingAtStart],
  ...[AuditLog, AuditRecords, Idempotency, Servers, ApiKeys],
  ...[TenantRecords, Tenants, TenantLifecycle, TenantProvisioner],
];

/** What operators do, whichever way they ask for it. Knows no HTTP: the command line starts without it. */
@Module({
  imports: [CacheModule],
  providers: [
    ...KINDS,
    { provide: OPERATION_KINDS, inject: KINDS, useFactory: (...kinds: OperationKind[]) => kinds },
    ...REQUESTS,
    { provide: OPERATION_REQUESTS, inject: REQUESTS, useFactory: (...requests: OperationRequest[]) => requests },
    ...SERVICES,
  ],
  exports: SERVICES,
})
export class ControlPlaneServicesModule {}
