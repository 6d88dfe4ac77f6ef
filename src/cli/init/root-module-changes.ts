import { addToModule, type Element, type NamedImport, UneditableFileError } from '../host/edit-module.js';
import { planFirstMigration } from './first-migration.js';
import type { PlanBuilder } from './plan-builder.js';

const ROOT: Element = ["TenantryModule.forRoot({ guard: 'explicit' })"];

/** The root module's imports of `TenantryModule`, and the first migration, which they name. */
export async function planRootModule(plan: PlanBuilder): Promise<void> {
  const { typescript, rootModule, sourceRoot } = plan.project;
  const feature = await planFirstMigration(plan);
  const imports: readonly NamedImport[] = [
    { names: ['TenantryModule'], from: 'tenantry' },
    ...(feature?.imports ?? []),
  ];
  const hasRoot = rootModule !== undefined && /\bTenantryModule\s*\.\s*forRoot/.test(rootModule.text);
  const elements = [...(hasRoot ? [] : [ROOT]), ...(feature ? [feature.element] : [])];
  const lines = [
    ...imports.map(({ names, from }) => `import { ${names.join(', ')} } from '${from}';`),
    ...elements.map((element) => `${element.map((line) => line.replace(/^\t/, '  ')).join(' ')},`),
  ];
  if (!typescript || !rootModule) {
    const reason = typescript
      ? 'the root module was not found in it: add these lines where it is'
      : 'there is no typescript in node_modules to read it with: add these lines to the root module';
    return plan.addManualStep({ path: sourceRoot, reason, lines });
  }
  if (elements.length === 0) return;
  const { path, className, text } = rootModule;
  try {
    const after = addToModule(typescript, { text, className }, { elements, imports });
    plan.addChange({ path, before: text, after });
  } catch (error) {
    if (!(error instanceof UneditableFileError)) throw error;
    plan.addManualStep({ path, reason: `${error.message}: add these lines to its imports`, lines });
  }
}
