import { Module } from '@nestjs/common';
import { CacheModule } from '../../cache/cache.module.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { CachedValues } from './cached-values.js';
import { DataInventory } from './data-inventory.js';
import { DeleteKind } from './delete.kind.js';
import { ErasureRemains } from './erasure-remains.js';
import { ErasureReports } from './erasure-reports.js';
import { PlaceRemoval } from './place-removal.js';
import { StoredCopies } from './stored-copies.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TargetsModule } from '../targets/targets.module.js';

@Module({
  imports: [CacheModule, IdempotencyModule, OperationsModule, TargetsModule, TenantHooksModule],
  providers: [CachedValues, DataInventory, DeleteKind, ErasureRemains, ErasureReports, PlaceRemoval, StoredCopies],
  exports: [CachedValues, DeleteKind, ErasureRemains, ErasureReports, PlaceRemoval, StoredCopies],
})
export class DeprovisioningModule {
  constructor(kinds: OperationKinds, deletion: DeleteKind) {
    kinds.register(deletion);
  }
}
