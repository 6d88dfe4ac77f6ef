import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { Actor } from '../../catalog/audit/actor.js';
import type { AdoptionFinding } from '../../database/table-migrations/adoption/inspection/adoption-finding.js';
import { AdoptionStateError } from '../../database/table-migrations/adoption/adoption.errors.js';
import { AdoptionRun, type AdoptionProgress } from '../../database/table-migrations/adoption/adoption-run.js';
import type { AdoptionStep } from '../../database/table-migrations/adoption/adoption-step.js';
import { planSchema, stepsOf } from '../../database/table-migrations/adoption/plan-schema.js';
import { migrationName } from '../../database/table-migrations/versions/migration-names.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { DatabaseIsolation } from '../isolation/database-isolation.js';
import { AdoptionRefusedError } from './adoption.errors.js';
import { type AdoptedPlaceOfTenants, AdoptedPlaces } from './adopted-places.js';
import { AdoptedTargets } from './adopted-targets.js';
import { AdoptedTenants } from './adopted-tenants.js';
import type { AdoptionPlan } from './adoption-plan.js';
import { differencesOf, type PlannedPlace } from './place-differences.js';

/** What adopting takes, place by place. */
export interface AdoptionReport {
  readonly places: readonly PlannedPlace[];
  /** Of all places; what several places have in common is named once. */
  readonly findings: readonly (AdoptionFinding & { readonly places: readonly string[] })[];
}

export interface AdoptionOutcome {
  readonly places: number;
  /** Tenants that this run has registered. */
  readonly registered: number;
  /** Whether the application has the migration; tenants are registered only then. */
  readonly hasMigration: boolean;
}

export interface AdoptionHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (place: string, progress: AdoptionProgress) => void;
  readonly onRetry?: (place: string, step: string, attempt: number) => void;
}

/** Adopts the tables of an existing application where they are. */
@Injectable()
export class Adoptions {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly places: AdoptedPlaces,
    private readonly targets: AdoptedTargets,
    private readonly tenants: AdoptedTenants,
    private readonly isolation: DatabaseIsolation,
  ) {}

  /** Reads the databases and changes nothing. @throws AdoptedTenantsError, NotFoundError */
  async report(plan: AdoptionPlan): Promise<AdoptionReport> {
    const places: PlannedPlace[] = [];
    for (const place of await this.places.of(plan)) {
      const found = await this.places.use(plan, place.database, (client) =>
        planSchema(client, place.schema, optionsOf(plan, place)),
      );
      places.push({ ...place, plan: found, steps: stepsOf(found, placeOf(plan, place)) });
    }
    return { places, findings: [...mergedFindings(places), ...differencesOf(places)] };
  }

  /**
   * Adopts the tables of all places, and registers their tenants. Continues where an earlier run, or a crash, has stopped; run
   * again later, it registers the tenants that the application has added.
   *
   * @throws AdoptionRefusedError before anything is changed in a place, and the errors of `AdoptionRun.run`
   */
  async run(plan: AdoptionPlan, actor: Actor, hooks: AdoptionHooks = {}): Promise<AdoptionOutcome> {
    const places = await this.places.of(plan);
    const hasMigration = this.schema.migrations.some((migration) => migrationName(migration) === plan.migration);
    let registered = 0;
    for (const place of places) {
      await this.tenants.missing(place, await this.targets.find(this.places, plan, place)); // before anything is changed
    }
    for (const place of places) {
      if (!(await this.isFinished(plan, place))) {
        await this.places.use(plan, place.database, (client) => this.adopt(plan, place, client, hooks), hooks.signal);
      }
      if (!hasMigration) continue;
      const target = await this.targets.ensure(this.places, plan, place);
      registered += await this.tenants.register(plan.layout, place, target, actor);
    }
    return { places: places.length, registered, hasMigration };
  }

  /** Drops what only the former application needs. @throws the errors of `AdoptionRun.finish` */
  async finish(plan: AdoptionPlan, actor: Actor, hooks: AdoptionHooks = {}): Promise<AdoptionOutcome> {
    const outcome = await this.run(plan, actor, hooks);
    if (!outcome.hasMigration) return outcome;
    for (const place of await this.places.of(plan)) {
      await this.places.use(plan, place.database, (client) => this.runOf(place, client, hooks).finish(), hooks.signal);
    }
    return outcome;
  }

  /** Leaves catalog and databases as they were. @throws AdoptionConflictError, and the errors of `AdoptionRun.undo` */
  async undo(plan: AdoptionPlan, actor: Actor, hooks: AdoptionHooks = {}): Promise<{ readonly places: number }> {
    const places = (await this.places.of(plan)).toReversed();
    let isBegun = false;
    for (const place of places) isBegun = (await this.isUndoable(plan, place)) || isBegun;
    if (!isBegun) throw new AdoptionStateError('there is no adoption to take back');
    for (const place of places) {
      const target = await this.targets.find(this.places, plan, place);
      if (target) {
        await this.tenants.forget(place, target, actor);
        await this.targets.forget(target);
      }
      await this.places.use(plan, place.database, (client) => this.runOf(place, client, hooks).undo(), hooks.signal);
    }
    return { places: places.length };
  }

  /** Whether there is anything to take back. @throws AdoptionStateError when it is too late */
  private async isUndoable(plan: AdoptionPlan, place: AdoptedPlaceOfTenants): Promise<boolean> {
    if (await this.isFinished(plan, place)) {
      throw new AdoptionStateError(`the adoption of ${nameOf(place)} is finished and cannot be taken back`);
    }
    return this.places.use(plan, place.database, (client) => new AdoptionRun(client, place.schema).isUndoable());
  }

  /** A place with tenants whose adoption is no longer recorded. */
  private async isFinished(plan: AdoptionPlan, place: AdoptedPlaceOfTenants): Promise<boolean> {
    const target = await this.targets.find(this.places, plan, place);
    if (!target || !(await this.tenants.areRegistered(place, target))) return false;
    return this.places.use(
      plan,
      place.database,
      async (client) => !(await new AdoptionRun(client, place.schema).isRecorded()),
    );
  }

  private async adopt(
    plan: AdoptionPlan,
    place: AdoptedPlaceOfTenants,
    client: pg.Client,
    hooks: AdoptionHooks,
  ): Promise<void> {
    const planned = async (): Promise<readonly AdoptionStep[]> => {
      const found = await planSchema(client, place.schema, optionsOf(plan, place));
      const refused = found.findings.filter(({ severity }) => severity === 'refused');
      if (refused.length > 0) {
        throw new AdoptionRefusedError(
          refused.map(({ table, what }) => `${nameOf(place)}${table === undefined ? '' : ` ${table}`}: ${what}`),
        );
      }
      return stepsOf(found, placeOf(plan, place));
    };
    await this.runOf(place, client, hooks).run(planned, async () => {
      const target = await this.targets.ensure(this.places, plan, place);
      await this.isolation.prepare(client, target);
    });
  }

  private runOf(place: AdoptedPlaceOfTenants, client: pg.Client, hooks: AdoptionHooks): AdoptionRun {
    return new AdoptionRun(client, place.schema, {
      signal: hooks.signal,
      onProgress: (progress) => hooks.onProgress?.(nameOf(place), progress),
      onRetry: (step, attempt) => hooks.onRetry?.(nameOf(place), step, attempt),
    });
  }
}

/** `shop.public` */
function nameOf({ database, schema }: AdoptedPlaceOfTenants): string {
  return `${database}.${schema}`;
}

function optionsOf(plan: AdoptionPlan, { tenants }: AdoptedPlaceOfTenants): Parameters<typeof planSchema>[2] {
  const { layout, tenantColumn, tenantsTable, columns, leftOut } = plan;
  if (layout !== 'row') return { tenantColumn: undefined, leftOut };
  return { tenantColumn, tenantsTable, columns, leftOut, tenantKeys: tenants.map(({ key }) => key) };
}

function placeOf(
  { layout, keys }: AdoptionPlan,
  { schema, tenants }: AdoptedPlaceOfTenants,
): Parameters<typeof stepsOf>[1] {
  return { schema, keys, ...(layout !== 'row' && { tenantId: tenants[0]?.id }) };
}

function mergedFindings(places: readonly PlannedPlace[]): AdoptionReport['findings'] {
  const merged = new Map<string, { finding: AdoptionFinding; places: string[] }>();
  for (const place of places) {
    for (const finding of place.plan.findings) {
      const key = JSON.stringify(finding);
      const known = merged.get(key) ?? { finding, places: [] };
      known.places.push(nameOf(place));
      merged.set(key, known);
    }
  }
  return Array.from(merged.values(), ({ finding, places: names }) => ({ ...finding, places: names }));
}
