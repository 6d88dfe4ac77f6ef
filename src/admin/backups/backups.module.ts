import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { TargetsModule } from '../targets/targets.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { BackupKeys } from './backup-keys.js';
import { BackupKind } from './backup.kind.js';
import { BackupRecords } from './backup-records.js';
import { BackupRetention } from './backup-retention.js';
import { BackupSchedule } from './backup-schedule.js';
import { BackupStore } from './backup-store.js';
import { Backups } from './backups.js';

@Module({
  imports: [OperationsModule, TargetsModule, TenantsModule],
  providers: [Backups, BackupKeys, BackupKind, BackupRecords, BackupRetention, BackupSchedule, BackupStore],
  exports: [Backups, BackupRecords, BackupRetention],
})
export class BackupsModule {
  constructor(kinds: OperationKinds, backup: BackupKind) {
    kinds.register(backup);
  }
}
