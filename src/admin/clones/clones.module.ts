import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { CloneCopy } from './clone-copy.js';
import { CloneMasks } from './clone-masks.js';
import { CloneSources } from './clone-sources.js';
import { CloneKind } from './clone.kind.js';
import { Clones } from './clones.js';

@Module({
  imports: [OperationsModule, ProvisioningModule, TargetsModule, TenantHooksModule, TenantsModule],
  providers: [Clones, CloneCopy, CloneKind, CloneMasks, CloneSources],
  exports: [Clones],
})
export class ClonesModule {
  constructor(kinds: OperationKinds, clone: CloneKind) {
    kinds.register(clone);
  }
}
