import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { ProvisioningModule } from '../provisioning/provisioning.module.js';
import { ReferenceRowsModule } from '../reference-rows/reference-rows.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ArchiveExports } from './archive-exports.js';
import { ArchiveFilling } from './archive-filling.js';
import { ArchiveSources } from './archive-sources.js';
import { DiscardImportKind } from './discard-import.kind.js';
import { ImportKind } from './import.kind.js';
import { Imports } from './imports.js';
import { InstallationKeys } from './installation-keys.js';
import { ScratchCopy } from './scratch-copy.js';
import { ScratchLoad } from './scratch-load.js';
import { ScratchTables } from './scratch-tables.js';
import { TenantArchives } from './tenant-archives.js';

@Module({
  imports: [
    DeprovisioningModule,
    IdempotencyModule,
    OperationsModule,
    ProvisioningModule,
    ReferenceRowsModule,
    TargetsModule,
    TenantHooksModule,
    TenantsModule,
  ],
  providers: [
    ArchiveExports,
    ArchiveFilling,
    ArchiveSources,
    DiscardImportKind,
    ImportKind,
    Imports,
    InstallationKeys,
    ScratchCopy,
    ScratchLoad,
    ScratchTables,
    TenantArchives,
  ],
  exports: [
    ArchiveExports,
    ArchiveFilling,
    ArchiveSources,
    ImportKind,
    Imports,
    InstallationKeys,
    ScratchLoad,
    ScratchTables,
    TenantArchives,
  ],
})
export class ArchivesModule {
  constructor(kinds: OperationKinds, importKind: ImportKind, discard: DiscardImportKind) {
    for (const kind of [importKind, discard]) kinds.register(kind);
  }
}
