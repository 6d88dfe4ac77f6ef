import { Module } from '@nestjs/common';
import { OperationsModule } from '../../operations/operations.module.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { PlacementModule } from '../placement/placement.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { SpareTenantsModule } from '../spare-tenants/spare-tenants.module.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { BulkCreation } from './bulk-creation.js';
import { TargetSubjects } from './target-subjects.js';
import { TenantCreation } from './tenant-creation.js';
import { TenantDomains } from './tenant-domains.js';
import { TenantLifecycle } from './tenant-lifecycle.js';
import { TenantProvisioner } from './tenant-provisioner.js';
import { TenantRecords } from './tenant-records.js';
import { Tenants } from './tenants.js';

const SERVICES = [
  TargetSubjects,
  TenantCreation,
  TenantDomains,
  TenantRecords,
  Tenants,
  BulkCreation,
  TenantLifecycle,
  TenantProvisioner,
];

@Module({
  imports: [
    OperationsModule,
    PlacementModule,
    ProvisioningModule,
    DeprovisioningModule,
    SpareTenantsModule,
    TenantHooksModule,
  ],
  providers: SERVICES,
  exports: SERVICES,
})
export class TenantsModule {}
