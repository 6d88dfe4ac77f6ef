import type { OperationRun } from '../../operations/operation-kind.js';
import { FleetMigrationIncompleteError, type FleetCounts } from './fleet-migration.errors.js';
import type { FleetUnit, FleetUnits, Settled, UnitsBehind } from './fleet-units.js';
import type { FleetMigration } from './fleet-migration.schemas.js';
import { sideBySide } from './side-by-side.js';
import type { UnitMigration, Wave } from './unit-migration.js';

/** One step of a fleet's migration, on one instance. What is done and what is left it asks the catalog. */
export class FleetRun {
  private readonly since = performance.now();
  private before: Settled | undefined;

  constructor(
    private readonly run: OperationRun<FleetMigration>,
    private readonly units: FleetUnits,
    private readonly migration: UnitMigration,
  ) {}

  /** One after the other. @throws FleetMigrationIncompleteError after the first that fails */
  async canary(): Promise<void> {
    const slugs = await this.canarySlugs();
    if (slugs.length === 0) return;
    for (;;) {
      const counts = await this.report((await this.next(1)).count);
      if (counts.failed > 0) await this.stop(counts, 'a canary failed');
      this.run.signal.throwIfAborted();
      const { units } = await this.next(1, slugs);
      const [unit] = units;
      if (!unit) return;
      await this.migration.run(unit, this.wave());
    }
  }

  /** @throws FleetMigrationIncompleteError at the threshold, or at the end when any failed */
  async waves(): Promise<void> {
    const { waveSize, parallelism, maxFailures } = this.run.input;
    for (;;) {
      const { units, count } = await this.next(waveSize);
      const counts = await this.report(count);
      if (counts.failed > maxFailures) await this.stop(counts, `more than ${maxFailures} failed`);
      this.run.signal.throwIfAborted();
      if (units.length === 0) return this.finish(counts);
      const wave = this.wave();
      let ended = counts.migrated + counts.failed;
      await sideBySide(units, { parallelism, signal: this.run.signal }, async (unit) => {
        await this.migration.run(unit, wave);
        this.run.reportProgress((ended += 1), counts.units);
      });
    }
  }

  /** Chosen once: a run that goes on after a crash, or is tried again, has the same. */
  private async canarySlugs(): Promise<readonly string[]> {
    const { canary } = this.run.input;
    if (!canary) return [];
    if ('tenants' in canary) return canary.tenants;
    const kept = this.run.state['canary'];
    if (kept !== undefined) return JSON.parse(kept) as string[];
    const { units } = await this.next(canary.count);
    const slugs = units.map(({ slug }: FleetUnit) => slug);
    await this.run.saveState({ canary: JSON.stringify(slugs) });
    return slugs;
  }

  private next(limit: number, slugs: readonly string[] | undefined = this.run.input.tenants): Promise<UnitsBehind> {
    return this.units.behind({ operationId: this.run.id, slugs, limit });
  }

  /** Cancelled, it ends after the units in hand; in every other case what is in hand is stopped, too. */
  private wave(): Wave {
    const { id: operationId, input: request } = this.run;
    return { operationId, request, signal: this.run.lost, down: new Map() };
  }

  private async finish(counts: FleetCounts): Promise<void> {
    if (counts.failed > 0) throw new FleetMigrationIncompleteError(counts, undefined);
    await this.run.addResult({ beingProvisioned: await this.units.beingProvisioned() });
  }

  private async stop(counts: FleetCounts, because: string): Promise<never> {
    await this.run.addResult({ stoppedBecause: because });
    throw new FleetMigrationIncompleteError(counts, because);
  }

  /** How far it is, also for whoever follows it. */
  private async report(remaining: number): Promise<FleetCounts> {
    const settled = await this.units.settled(this.run.id);
    this.before ??= settled;
    const { migrated, failed, tenants } = settled;
    const counts = { units: migrated + failed + remaining, migrated, failed, remaining };
    const seconds = (performance.now() - this.since) / 1_000;
    const perSecond = Math.round(((tenants - this.before.tenants) / seconds) * 10) / 10;
    this.run.reportProgress(migrated + failed, counts.units);
    await this.run.addResult({ to: this.units.newest, ...counts, tenants, perSecond, stoppedBecause: null });
    return counts;
  }
}
