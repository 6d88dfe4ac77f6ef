import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { DatabaseIsolationModule } from '../isolation/database-isolation.module.js';
import { ReferenceRowsModule } from '../reference-rows/reference-rows.module.js';
import { Activation } from './activation.js';
import { BatchTenants } from './batch-tenants.js';
import { Placements } from './placements.js';
import { PlacementRights } from './placement-rights.js';
import { PlaceVersions } from './place-versions.js';
import { ProvisionTenantsKind } from './provision-tenants.kind.js';
import { ProvisionKind } from './provision.kind.js';
import { ProvisioningSteps } from './provisioning-steps.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TargetsModule } from '../targets/targets.module.js';

@Module({
  imports: [DatabaseIsolationModule, OperationsModule, ReferenceRowsModule, TargetsModule, TenantHooksModule],
  providers: [
    Activation,
    BatchTenants,
    Placements,
    PlacementRights,
    PlaceVersions,
    ProvisioningSteps,
    ProvisionKind,
    ProvisionTenantsKind,
  ],
  exports: [
    Activation,
    BatchTenants,
    Placements,
    PlacementRights,
    PlaceVersions,
    ProvisioningSteps,
    ProvisionKind,
    ProvisionTenantsKind,
  ],
})
export class ProvisioningModule {
  constructor(kinds: OperationKinds, provision: ProvisionKind, provisionTenants: ProvisionTenantsKind) {
    kinds.register(provision);
    kinds.register(provisionTenants);
  }
}
