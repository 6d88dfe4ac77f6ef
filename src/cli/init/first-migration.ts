import { reasonOf } from '../../platform/errors/reason-of.js';
import { migrationSource } from '../../database/table-migrations/generation/migration-source.js';
import type { MigrationStep } from '../../database/table-migrations/generation/migration-step.js';
import type { Element, NamedImport } from '../host/edit-module.js';
import { findEntities, stepsForSources, type EntityClass } from '../migration/entity-sources.js';
import { newMigration, relativeImport, sourceFiles } from '../migration/migration-file.js';
import type { PlanBuilder } from './plan-builder.js';

/** What the root module imports for the tenants' tables. */
export interface Registration {
  readonly element: Element;
  readonly imports: readonly NamedImport[];
}

/**
 * The first migration of the tenants' tables: of all entities, because relations lead from one to the other. Nothing when
 * the application has none, or has registered entities already.
 */
export async function planFirstMigration(plan: PlanBuilder): Promise<Registration | undefined> {
  const { project } = plan;
  const { rootModule } = project;
  if (!rootModule || (await isRegistered(plan))) return undefined;
  const entities = await findEntities(project);
  if (entities.length === 0) return undefined;
  const { className, path } = await newMigration(project, { name: 'create-tenant-tables', newest: 0 });
  const generated = await generateSteps(plan, entities);
  if (generated.kind === 'failed') {
    const lines = [
      'TenantryModule.forFeature({ entities: [ … ], migrations: [ … ] })',
      'npx tenantry migration create-tables',
    ];
    plan.addManualStep({ path: project.sourceRoot, reason: `no migration was written: ${generated.reason}`, lines });
    return undefined;
  }
  plan.addChange({ path, before: undefined, after: migrationSource(className, generated.steps) });
  const names = entities.map((entity) => entity.className);
  return {
    element: [
      'TenantryModule.forFeature({',
      `\tentities: [${names.join(', ')}],`,
      `\tmigrations: [${className}],`,
      '})',
    ],
    imports: [...entities, { className, path }].map((file) => ({
      names: [file.className],
      from: relativeImport(project, rootModule.path, file.path),
    })),
  };
}

type GeneratedSteps =
  | { readonly kind: 'generated'; readonly steps: readonly MigrationStep[] }
  | { readonly kind: 'failed'; readonly reason: string };

/** Loading the entities may fail for any reason that the application has. */
async function generateSteps({ project }: PlanBuilder, entities: readonly EntityClass[]): Promise<GeneratedSteps> {
  try {
    return { kind: 'generated', steps: await stepsForSources(project, entities) };
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error) };
  }
}

async function isRegistered(plan: PlanBuilder): Promise<boolean> {
  for (const path of await sourceFiles(plan.project))
    if ((await plan.text(path))?.includes('TenantryModule.forFeature')) return true;
  return false;
}
