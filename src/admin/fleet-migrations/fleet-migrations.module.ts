import { Module } from '@nestjs/common';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationsModule } from '../../operations/operations.module.js';
import { DatabaseIsolationModule } from '../isolation/database-isolation.module.js';
import { ReferenceRowsModule } from '../reference-rows/reference-rows.module.js';
import { RequestedOperationsModule } from '../operations/requested-operations.module.js';
import { FleetPreview } from './fleet-preview.js';
import { MigrationUnits } from './migration-units.js';
import { MigrateKind } from './migrate.kind.js';
import { MigrateRequest } from './migrate.request.js';
import { RowsLeftBehind } from './rows-left-behind.js';
import { StartupMigration } from './startup-migration.js';
import { UnitMigration } from './unit-migration.js';
import { UnitResults } from './unit-results.js';
import { TenantHooksModule } from '../tenant-hooks/tenant-hooks.module.js';
import { TargetsModule } from '../targets/targets.module.js';

@Module({
  imports: [
    DatabaseIsolationModule,
    OperationsModule,
    ReferenceRowsModule,
    RequestedOperationsModule,
    TargetsModule,
    TenantHooksModule,
  ],
  providers: [
    ...[MigrationUnits, RowsLeftBehind, UnitResults, UnitMigration],
    ...[MigrateKind, MigrateRequest, FleetPreview, StartupMigration],
  ],
  exports: [MigrationUnits, UnitResults, UnitMigration, FleetPreview, StartupMigration],
})
export class FleetMigrationsModule {
  constructor(kinds: OperationKinds, migrate: MigrateRequest) {
    kinds.registerRequest(migrate);
  }
}
