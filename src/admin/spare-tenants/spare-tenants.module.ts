import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { FillSparesKind } from './fill-spares.kind.js';
import { SpareSupply } from './spare-supply.js';
import { SpareTenants } from './spare-tenants.js';

/** Tenants that are provisioned ahead of sign-ups. */
@Module({
  imports: [OperationsModule, ProvisioningModule],
  providers: [FillSparesKind, SpareSupply, SpareTenants],
  exports: [SpareSupply, SpareTenants],
})
export class SpareTenantsModule {
  constructor(kinds: OperationKinds, fill: FillSparesKind) {
    kinds.register(fill);
  }
}
