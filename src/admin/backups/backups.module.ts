import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { DeprovisioningModule } from '../deprovisioning/deprovisioning.module.js';
import { ErasureRemains } from '../deprovisioning/erasure-remains.js';
import { ArchiveSources } from '../archives/archive-sources.js';
import { ArchivesModule } from '../archives/archives.module.js';
import { RestoresModule } from '../restores/restores.module.js';
import { BackupDrills } from './backup-drills.js';
import { BackupKeys } from './backup-keys.js';
import { BackupKind } from './backup.kind.js';
import { backupRemains } from './backup-remains.js';
import { BackupRecords } from './backup-records.js';
import { BackupRestores } from './backup-restores.js';
import { BackupRetention } from './backup-retention.js';
import { BackupSchedule } from './backup-schedule.js';
import { ArchiveStore } from '../stored-archives/archive-store.js';
import { StoreUpkeep } from '../stored-archives/store-upkeep.js';
import { StoredArchivesModule } from '../stored-archives/stored-archives.module.js';
import { BackupTimes } from './backup-times.js';
import { Backups } from './backups.js';
import { DrillIsolation } from './drill-isolation.js';
import { DrillKind } from './drill.kind.js';

@Module({
  imports: [
    ArchivesModule,
    DeprovisioningModule,
    OperationsModule,
    RestoresModule,
    StoredArchivesModule,
    TargetsModule,
    TenantsModule,
  ],
  providers: [
    Backups,
    BackupDrills,
    BackupKeys,
    BackupKind,
    BackupRecords,
    BackupRestores,
    BackupRetention,
    BackupSchedule,
    BackupTimes,
    DrillIsolation,
    DrillKind,
    SettingsReader,
  ],
  exports: [Backups, BackupDrills, BackupRecords, BackupRestores, BackupRetention],
})
export class BackupsModule {
  constructor(
    kinds: OperationKinds,
    backup: BackupKind,
    drill: DrillKind,
    sources: ArchiveSources,
    stores: ArchiveStore,
    upkeep: StoreUpkeep,
    retention: BackupRetention,
    restores: BackupRestores,
    erasure: ErasureRemains,
  ) {
    erasure.add(backupRemains);
    upkeep.add({ of: 'expired backups', run: (signal) => retention.sweep(signal) });
    for (const kind of [backup, drill]) kinds.register(kind);
    if (stores.isConfigured) sources.offerStored('backup', ({ id }) => restores.open(id));
  }
}
