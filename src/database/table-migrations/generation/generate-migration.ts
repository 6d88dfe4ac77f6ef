import type pg from 'pg';
import type { DataSource, MigrationInterface, NamingStrategyInterface, QueryRunner } from 'typeorm';
import { ensureIsolationFunctions } from '../../isolation/isolation-functions.js';
import { describeUnusableIndex, unusableIndexes } from '../../leakproof/unusable-indexes.js';
import { expectedTables } from '../comparison/expected-tables.js';
import { LOCK_ATTEMPTS, LOCK_TIMEOUT_MS } from '../execution/migrate-tables.js';
import { type Migration, orderedNames, timestampOrZero } from '../versions/migration-names.js';
import { runMigrations } from '../execution/run-migrations.js';
import { type ScratchSchema, withScratchSchema } from '../preview/scratch-schema.js';
import { type DescribedEntities, describeEntities } from './described-tables.js';
import { MigrationNotGeneratedError } from './generation.errors.js';
import { commentOnIndex, createSteps, type MigrationStep, runStep } from './migration-step.js';
import { changeSteps } from './table-changes.js';
import { readTableShapes, readViews, type TableShape } from './table-shapes.js';

/** Entity metadata and its driver; never connected. */
type Entities = DataSource;

export interface GenerateOptions {
  readonly migrations: readonly Migration[];
  readonly namingStrategy?: NamingStrategyInterface | undefined;
  readonly trustedFunctions?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface GeneratedMigration {
  /** None when the migrations make what the entities map. */
  readonly steps: readonly MigrationStep[];
  /** Of tables that exist, what entities map and no step can express: a migration has made it, or is missing. */
  readonly notCompared: readonly string[];
}

/**
 * The steps for an application whose tables do not exist yet.
 *
 * @throws MigrationNotGeneratedError
 */
export function firstMigrationSteps(entities: Entities): MigrationStep[] {
  const { tables, views } = describeEntities(entities);
  const reasons = [...tables.flatMap(({ refused }) => refused), ...views.map(missingView)];
  if (reasons.length > 0) throw new MigrationNotGeneratedError(reasons);
  return createSteps(tables, new Set());
}

/**
 * Finds out what entities map and existing migrations do not make: both are made in scratch schemas of a database, whose
 * tables PostgreSQL then describes. The steps have run, and left no difference, when this returns.
 *
 * @param client a connection of a role that may create schemas, outside a transaction
 * @throws MigrationNotGeneratedError, MigrationFailedError, EntityTablesError
 */
export async function generateMigration(
  client: pg.ClientBase,
  entities: Entities,
  { migrations, namingStrategy, trustedFunctions, signal }: GenerateOptions,
): Promise<GeneratedMigration> {
  const described = describeEntities(entities);
  await ensureIsolationFunctions(client); // the policies of new tables call them
  const run = (scratch: ScratchSchema, list: readonly Migration[], isLast = false): Promise<boolean> => {
    const { schema, database } = scratch;
    const limits = { lockTimeoutMs: LOCK_TIMEOUT_MS, attempts: LOCK_ATTEMPTS, signal };
    const options = { ...limits, schema, database, namingStrategy, ...(trustedFunctions && { trustedFunctions }) };
    const lastPending = orderedNames(list).at(-1);
    return runMigrations(
      client,
      list,
      isLast ? { ...options, expectedTables: expectedTables(entities), lastPending } : options,
    );
  };
  const wanted = await withScratchSchema(client, signal, (scratch) =>
    scratch.during(async () => {
      await run(scratch, [migrationOf(createSteps(described.tables, new Set()), 1)]);
      return readTableShapes(client, scratch.schema);
    }),
  );
  return withScratchSchema(client, signal, (scratch) =>
    scratch.during(async () => {
      if (migrations.length > 0) await run(scratch, migrations);
      const actual = await readTableShapes(client, scratch.schema);
      const steps = stepsBetween(described, wanted, actual, await readViews(client, scratch.schema));
      const newest = Math.max(0, ...orderedNames(migrations).map(timestampOrZero));
      if (steps.length > 0) await run(scratch, [...migrations, migrationOf(steps, newest + 1)], true);
      const existing = described.tables.filter(({ name }) => actual.has(name));
      const commented = (await unusableIndexes(client, [scratch.schema])).reduce(
        (all, found) => commentOnIndex(all, found, describeUnusableIndex(found)),
        steps,
      );
      return { steps: commented, notCompared: existing.flatMap(({ refused }) => refused) };
    }),
  );
}

/** @throws MigrationNotGeneratedError */
function stepsBetween(
  { tables, views }: DescribedEntities,
  wanted: ReadonlyMap<string, TableShape>,
  actual: ReadonlyMap<string, TableShape>,
  existingViews: ReadonlySet<string>,
): MigrationStep[] {
  const reasons = views.filter((name) => !existingViews.has(name)).map(missingView);
  const added = tables.filter(({ name }) => !actual.has(name));
  const changed = tables.flatMap((described) => {
    const [to, from] = [wanted.get(described.name), actual.get(described.name)];
    return to && from ? changeSteps({ described, wanted: to, actual: from }, (reason) => reasons.push(reason)) : [];
  });
  const steps = [...createSteps(added, new Set(actual.keys())), ...changed];
  reasons.push(...added.flatMap(({ refused }) => refused));
  if (reasons.length > 0) throw new MigrationNotGeneratedError(reasons);
  return steps;
}

function missingView(name: string): string {
  return `no migration makes the view ${name} (WITH (security_invoker = true))`;
}

function migrationOf(steps: readonly MigrationStep[], timestamp: number): Migration {
  return class implements MigrationInterface {
    readonly name = `Generated${String(timestamp).padStart(13, '0')}`;

    async up(runner: QueryRunner): Promise<void> {
      for (const step of steps) await runStep(runner, step);
    }

    async down(): Promise<void> {}
  };
}
