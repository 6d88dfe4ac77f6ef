import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { isBehind } from '../../database/table-migrations/migration-version.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { OlderCodeError } from './fleet-migration.errors.js';
import { FleetRun } from './fleet-run.js';
import { FleetUnits } from './fleet-units.js';
import { fleetMigration, type FleetMigration } from './fleet-migration.schemas.js';
import { UnitMigration } from './unit-migration.js';
import { UnitResults } from './unit-results.js';

type Run = OperationRun<FleetMigration>;

/** What operations of this kind are about. With it, one is under way at a time. */
export const FLEET = 'fleet';

/**
 * Brings all tenants that are behind up to the newest migration of this instance's code: canaries first, then waves.
 *
 * Tenants that an instance with older code makes meanwhile are behind when they are done. Those that are done before the
 * last wave are migrated with it; how many were still being made at the end is in the result as `beingProvisioned`. Run
 * it again once no instance with older code is left.
 */
@Injectable()
export class MigrateKind implements OperationKind<FleetMigration> {
  readonly name = 'migrate';
  readonly input = fleetMigration;
  readonly steps = [
    { name: 'canary', run: (run: Run) => this.begin(run).canary() },
    { name: 'waves', run: (run: Run) => this.begin(run).waves() },
  ];

  constructor(
    private readonly units: FleetUnits,
    private readonly migration: UnitMigration,
    private readonly results: UnitResults,
  ) {}

  onRetried(catalog: EntityManager, { id }: OperationEntity): Promise<void> {
    return this.results.forgetFailures(catalog, id);
  }

  private begin(run: Run): FleetRun {
    // To code that is older nothing looks behind: it would say that everything is done.
    if (isBehind(this.units.newest, run.input.to)) throw new OlderCodeError(this.units.newest, run.input.to);
    return new FleetRun(run, this.units, this.migration);
  }
}
