import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ArchiveSources } from '../archives/archive-sources.js';
import { ArchivesModule } from '../archives/archives.module.js';
import { BackupKeys } from './backup-keys.js';
import { BackupKind } from './backup.kind.js';
import { BackupRecords } from './backup-records.js';
import { BackupRestores } from './backup-restores.js';
import { BackupRetention } from './backup-retention.js';
import { BackupSchedule } from './backup-schedule.js';
import { BackupStore } from './backup-store.js';
import { Backups } from './backups.js';

@Module({
  imports: [ArchivesModule, OperationsModule, TargetsModule, TenantsModule],
  providers: [
    Backups,
    BackupKeys,
    BackupKind,
    BackupRecords,
    BackupRestores,
    BackupRetention,
    BackupSchedule,
    BackupStore,
  ],
  exports: [Backups, BackupRecords, BackupRestores, BackupRetention],
})
export class BackupsModule {
  constructor(
    kinds: OperationKinds,
    backup: BackupKind,
    sources: ArchiveSources,
    stores: BackupStore,
    restores: BackupRestores,
  ) {
    kinds.register(backup);
    if (stores.isConfigured) sources.offerBackups((id) => restores.open(id));
  }
}
