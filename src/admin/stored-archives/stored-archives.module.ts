import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { ArchiveSources } from '../archives/archive-sources.js';
import { ArchivesModule } from '../archives/archives.module.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { ErasureRemains } from '../deprovisioning/erasure-remains.js';
import { StoredCopies } from '../deprovisioning/stored-copies.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ArchiveStore } from './archive-store.js';
import { ExportDownloads } from './export-downloads.js';
import { ExportKind } from './export.kind.js';
import { ExportRecords } from './export-records.js';
import { exportRemains } from './export-remains.js';
import { ExportRemoval } from './export-removal.js';
import { Exports } from './exports.js';
import { ImportLeftovers } from './import-leftovers.js';
import { StoredImports } from './stored-imports.js';
import { StoreUpkeep } from './store-upkeep.js';

@Module({
  imports: [ArchivesModule, DeprovisioningModule, IdempotencyModule, OperationsModule, TenantsModule],
  providers: [
    ArchiveStore,
    ExportDownloads,
    ExportKind,
    ExportRecords,
    ExportRemoval,
    Exports,
    ImportLeftovers,
    StoredImports,
    StoreUpkeep,
  ],
  exports: [ArchiveStore, ExportDownloads, ExportRecords, ExportRemoval, Exports, StoredImports, StoreUpkeep],
})
export class StoredArchivesModule {
  constructor(
    kinds: OperationKinds,
    kind: ExportKind,
    sources: ArchiveSources,
    stores: ArchiveStore,
    imports: StoredImports,
    removal: ExportRemoval,
    leftovers: ImportLeftovers,
    upkeep: StoreUpkeep,
    copies: StoredCopies,
    remains: ErasureRemains,
  ) {
    kinds.register(kind);
    if (stores.isConfigured) sources.offerStored('object', ({ key, takenAt }) => imports.open(key, takenAt));
    upkeep.add({ of: 'exports that are no longer needed', run: (signal) => removal.sweep(signal) });
    upkeep.add({ of: 'archives that commands have passed on', run: (signal) => leftovers.sweep(signal) });
    copies.add({ what: 'exported archives in the store', remove: (tenantId) => removal.removeOf(tenantId) });
    remains.add(exportRemains);
  }
}
