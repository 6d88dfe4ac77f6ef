import type { OperationRun } from '../../operations/operation-kind.js';
import { FleetMigrationIncompleteError, type FleetCounts } from './fleet-migration.errors.js';
import type { MigrationUnit, MigrationUnits, FinishedCounts, DueUnits } from './migration-units.js';
import { type FleetMigration, verifiesAllTables } from './fleet-migration.schemas.js';
import { EntityTablesError } from '../../database/table-migrations/comparison/compare-entity-tables.js';
import type { EntityTables } from '../../catalog/tenant-tables/entity-tables.js';
import { runInLanes } from '../../operations/run-in-lanes.js';
import type { BatchHooks } from '../tenant-hooks/batch-hooks.js';
import type { UnitMigration, Wave } from './unit-migration.js';

/** One step of a fleet migration on one instance. Completed and remaining units are read from the catalog. */
export class FleetRun {
  private readonly startedAt = performance.now();
  /** Counts when this run began; the rate is calculated from there. */
  private initial: FinishedCounts | undefined;

  constructor(
    private readonly run: OperationRun<FleetMigration>,
    private readonly units: MigrationUnits,
    private readonly migration: UnitMigration,
    private readonly entityTables: EntityTables,
    private readonly hooks: BatchHooks,
  ) {}

  /** Migrates the canaries one at a time. @throws FleetMigrationIncompleteError after the first failure */
  async canary(): Promise<void> {
    const slugs = await this.canarySlugs();
    if (slugs.length === 0) return;
    await this.reportCanary(slugs);
    for (;;) {
      await this.hooks.callPending(this.run, 'migrated');
      const counts = await this.report((await this.next(1)).count);
      if (counts.failed > 0) await this.stop(counts, 'a canary failed');
      this.run.signal.throwIfAborted();
      const { units } = await this.next(1, slugs);
      const [unit] = units;
      if (!unit) return;
      await this.migration.run(unit, this.wave());
    }
  }

  /**
   * Migrates the remaining units wave by wave.
   *
   * @throws HooksFailedError at the end when required hooks have failed; FleetMigrationIncompleteError when more than `maxFailures` units failed, or at the end when any failed;
   *   EntityTablesError when nothing was due, and tables do not fit the entities
   */
  async waves(): Promise<void> {
    const { waveSize, parallelism, maxFailures } = this.run.input;
    for (;;) {
      await this.hooks.callPending(this.run, 'migrated');
      const { units, count } = await this.next(waveSize);
      const counts = await this.report(count);
      if (counts.failed > maxFailures) await this.stop(counts, `more than ${maxFailures} failed`);
      this.run.signal.throwIfAborted();
      if (units.length === 0) return this.finish(counts);
      const wave = this.wave();
      let finished = counts.migrated + counts.failed;
      await runInLanes(units, { parallelism, signal: this.run.signal }, async (unit) => {
        await this.migration.run(unit, wave);
        this.run.reportProgress((finished += 1), counts.units);
      });
    }
  }

  /** Chosen once and saved, so that a run resumed after a crash, or retried, uses the same canaries. */
  private async canarySlugs(): Promise<readonly string[]> {
    const { canary } = this.run.input;
    if (!canary) return [];
    if ('tenants' in canary) return canary.tenants;
    const saved = this.run.state['canary'];
    if (saved !== undefined) return JSON.parse(saved) as string[];
    const { units } = await this.next(canary.count);
    const slugs = units.map(({ slug }: MigrationUnit) => slug);
    await this.run.saveState({ canary: JSON.stringify(slugs) });
    return slugs;
  }

  /** Counts what is migrated with the canaries, when they begin: row tenants share their tables with others. */
  private async reportCanary(slugs: readonly string[]): Promise<void> {
    if (this.run.state['canaryCounted'] !== undefined) return;
    const { units } = await this.next(slugs.length, slugs);
    const tenants = units.reduce((sum, unit) => sum + unit.tenants, 0);
    await this.run.addResult({ canary: { units: units.length, tenants } });
    await this.run.saveState({ canaryCounted: 'true' });
  }

  private next(limit: number, slugs: readonly string[] | undefined = this.run.input.tenants): Promise<DueUnits> {
    return this.units.due({ operationId: this.run.id, slugs, verify: verifiesAllTables(this.run.input), limit });
  }

  /** A cancellation lets the units in progress finish; a shutdown or a lost lock stops them too. */
  private wave(): Wave {
    const { id: operationId, input: request } = this.run;
    return { operationId, request, signal: this.run.lost, unavailableServers: new Map() };
  }

  private async finish(counts: FleetCounts): Promise<void> {
    if (counts.failed > 0) throw new FleetMigrationIncompleteError(counts, undefined);
    await this.hooks.assertRequired(this.run.id, 'migrated');
    if (counts.units === 0) await this.assertEntityTables();
    await this.run.addResult({ beingProvisioned: await this.units.countProvisioning() });
  }

  /** Nothing was due, so no migration has compared the tables: one may have been forgotten. */
  private async assertEntityTables(): Promise<void> {
    const differences = await this.entityTables.compare();
    if (differences.length > 0) throw new EntityTablesError(differences);
  }

  private async stop(counts: FleetCounts, reason: string): Promise<never> {
    await this.run.addResult({ stoppedBecause: reason });
    throw new FleetMigrationIncompleteError(counts, reason);
  }

  /** Counts the units, and reports them as progress and in the result. */
  private async report(remaining: number): Promise<FleetCounts> {
    const finished = await this.units.countFinished(this.run.id);
    this.initial ??= finished;
    const { migrated, failed, tenants } = finished;
    const counts = { units: migrated + failed + remaining, migrated, failed, remaining };
    const seconds = (performance.now() - this.startedAt) / 1_000;
    const perSecond = Math.round(((tenants - this.initial.tenants) / seconds) * 10) / 10;
    this.run.reportProgress(migrated + failed, counts.units);
    await this.run.addResult({ to: this.units.newest, ...counts, tenants, perSecond, stoppedBecause: null });
    return counts;
  }
}
