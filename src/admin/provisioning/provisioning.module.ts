import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { DatabaseIsolationModule } from '../isolation/database-isolation.module.js';
import { PlacementRights } from './placement-rights.js';
import { ProvisionKind } from './provision.kind.js';
import { TargetsModule } from '../targets/targets.module.js';

@Module({
  imports: [DatabaseIsolationModule, OperationsModule, TargetsModule],
  providers: [ProvisionKind, PlacementRights],
  exports: [ProvisionKind, PlacementRights],
})
export class ProvisioningModule {
  constructor(kinds: OperationKinds, provision: ProvisionKind) {
    kinds.register(provision);
  }
}
