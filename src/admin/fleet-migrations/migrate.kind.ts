import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { missingFrom } from '../../database/table-migrations/versions/migration-set.js';
import { isBehind } from '../../database/table-migrations/versions/migration-version.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { EntityTables } from '../../catalog/tenant-tables/entity-tables.js';
import { BatchHooks } from '../tenant-hooks/batch-hooks.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookRecords } from '../tenant-hooks/hook-records.js';
import { OlderCodeError } from './fleet-migration.errors.js';
import { FleetRun } from './fleet-run.js';
import { MigrationUnits } from './migration-units.js';
import { fleetMigration, type FleetMigration } from './fleet-migration.schemas.js';
import { UnitMigration } from './unit-migration.js';
import { UnitResults } from './unit-results.js';

type Run = OperationRun<FleetMigration>;

/** Subject of all operations of this kind, so that only one of them can be in progress. */
export const FLEET = 'fleet';

/**
 * Migrates all tenants that are behind to the newest migration in this instance's code: canaries first, then waves.
 *
 * A tenant that an instance with older code provisions during the migration is behind when it becomes active. If that
 * happens before the last wave, it is migrated with that wave. `beingProvisioned` in the result is the number of
 * tenants still being provisioned at the end. Run the migration again once all instances run the newer code.
 */
@Injectable()
export class MigrateKind implements OperationKind<FleetMigration> {
  readonly name = 'migrate';
  readonly input = fleetMigration;
  readonly steps = [
    { name: 'canary', run: async (run: Run) => (await this.runFor(run)).canary() },
    { name: 'waves', run: async (run: Run) => (await this.runFor(run)).waves() },
  ];

  constructor(
    private readonly units: MigrationUnits,
    private readonly migration: UnitMigration,
    private readonly results: UnitResults,
    private readonly entityTables: EntityTables,
    private readonly batchHooks: BatchHooks,
    private readonly hookRecords: HookRecords,
    private readonly host: HookHost,
  ) {}

  get hooks(): readonly string[] {
    return this.host.namesFor(['migrated']);
  }

  async onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    await this.hookRecords.forgetFailures(catalog, id);
    await this.results.forgetFailures(catalog, id);
  }

  private async runFor(run: Run): Promise<FleetRun> {
    // Older code sees no unit as behind, so it would report the migration as complete.
    const [unknown] = missingFrom(this.units.names, await this.units.requiredBy(run.id));
    if (unknown !== undefined) throw new OlderCodeError(unknown, run.input.to);
    if (isBehind(this.units.newest, run.input.to)) throw new OlderCodeError(run.input.to, run.input.to);
    return new FleetRun(run, this.units, this.migration, this.entityTables, this.batchHooks);
  }
}
