import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { ArchivesModule } from '../archives/archives.module.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { MovesModule } from '../moves/moves.module.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { RestoreKind } from './restore.kind.js';
import { Restores } from './restores.js';

@Module({
  imports: [ArchivesModule, DeprovisioningModule, MovesModule, OperationsModule, TenantHooksModule, TenantsModule],
  providers: [RestoreKind, Restores],
  exports: [Restores],
})
export class RestoresModule {
  constructor(kinds: OperationKinds, restore: RestoreKind) {
    kinds.register(restore);
  }
}
