import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { newestMigration } from '../../database/table-migrations/versions/migration-names.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { CONSIDERATE } from '../../database/copy/streams/transfer-meter.js';
import { ArchiveSources } from '../archives/archive-sources.js';
import { ScratchLoad } from '../archives/scratch-load.js';
import { ScratchTables, scratchSchemaName } from '../archives/scratch-tables.js';
import { rowsIn } from '../archives/tenant-archives.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { BackupRecords } from './backup-records.js';
import { DrillIsolation } from './drill-isolation.js';

const Input = z.object({ backupId: z.guid() });
type Run = OperationRun<z.infer<typeof Input>>;

/**
 * Restores a backup into scratch tables in the tenant's database, compares its rows with what the backup says, migrates them to
 * the version of the application, shows that they keep tenants apart, and drops them: what a restore would do, but for its end. The tenant is not touched. Being
 * exclusive, it finds the tenant's database where it was when it goes on after a crash.
 */
@Injectable()
export class DrillKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'drill';
  readonly input = Input;
  readonly steps = [{ name: 'restore-and-drop', run: (run: Run) => this.run(run) }];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly tenantSchema: TenantSchema,
    private readonly sources: ArchiveSources,
    private readonly loading: ScratchLoad,
    private readonly scratch: ScratchTables,
    private readonly targets: TargetDatabases,
    private readonly records: BackupRecords,
    private readonly isolation: DrillIsolation,
  ) {}

  private async run({
    id,
    tenantId,
    input: { backupId },
    signal,
    lost,
    reportProgress,
    addResult,
  }: Run): Promise<void> {
    const tenant = await this.catalog.getRepository(TenantEntity).findOneBy({ id: tenantId ?? '' });
    if (!tenant || tenant.targetId === null) throw new ConflictError('the tenant is deleted');
    const goal = {
      target: await this.targets.find(tenant.targetId),
      schema: scratchSchemaName(id),
      tenantId: tenant.id,
    };
    try {
      const manifest = await this.sources.use({ kind: 'backup', id: backupId }, signal, (archive) =>
        this.loading.run(archive, goal, { signal, onProgress: reportProgress, pace: CONSIDERATE }),
      );
      const isolation = await this.scratch.use(goal.target, goal.schema, signal, async (place) => {
        await this.scratch.migrate(place, goal.target, signal);
        return this.isolation.show(place, goal.target, goal.tenantId, signal);
      });
      const rows = rowsIn(manifest);
      const migratedTo = newestMigration(this.tenantSchema.migrations);
      await addResult({
        backup: backupId,
        takenAt: manifest.takenAt,
        tables: manifest.tables.length,
        rows,
        migratedTo,
        isolation,
      });
    } finally {
      await this.scratch.drop(goal.target, goal.schema, lost); // a cancelled drill leaves nothing either
    }
    await this.records.drilled(backupId);
  }
}
