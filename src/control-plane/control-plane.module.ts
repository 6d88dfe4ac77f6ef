import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { ApiKeys } from './api-keys/api-keys.js';
import { AuditLog } from './audit/audit-log.js';
import { DemoTenants } from './demo/demo-tenants.js';
import { Idempotency } from './idempotency/idempotency.js';
import { OPERATION_KINDS, type OperationKind } from './operations/operation-kind.js';
import { OperationRunner } from './operations/operation-runner.js';
import { Operations } from './operations/operations.js';
import { ProvisionKind } from './provisioning/provision.kind.js';
import { TenantProvisioner } from './provisioning/tenant-provisioner.js';
import { DeleteKind } from './removal/delete.kind.js';
import { RuntimeController } from './runtime/runtime.controller.js';
import { Servers } from './servers/servers.js';
import { TenantLifecycle } from './tenants/tenant-lifecycle.js';
import { TenantRecords } from './tenants/tenant-records.js';
import { Tenants } from './tenants/tenants.js';

const KINDS = [ProvisionKind, DeleteKind];

/** What operators do: servers, the life of tenants, and the long jobs on them. */
@Module({
  imports: [CacheModule],
  controllers: [RuntimeController],
  providers: [
    ...KINDS,
    { provide: OPERATION_KINDS, inject: KINDS, useFactory: (...kinds: OperationKind[]) => kinds },
    Operations,
    OperationRunner,
    AuditLog,
    Idempotency,
    Servers,
    TenantRecords,
    Tenants,
    TenantLifecycle,
    TenantProvisioner,
    ApiKeys,
    DemoTenants,
  ],
  exports: [TenantProvisioner, ApiKeys, DemoTenants, OperationRunner],
})
export class ControlPlaneModule {}
