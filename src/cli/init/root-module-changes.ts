import { addToModule, type Element, type NamedImport, UneditableFileError } from './edit-module.js';
import type { PlanBuilder } from './plan-builder.js';

const ROOT: Element = ["TenantryModule.forRoot({ guard: 'explicit' })"];

/** The import of `TenantryModule` in the root module. */
export async function planRootModule(plan: PlanBuilder): Promise<void> {
  const { typescript, rootModule, sourceRoot } = plan.project;
  const imports: readonly NamedImport[] = [{ names: ['TenantryModule'], from: 'tenantry' }];
  const lines = ["import { TenantryModule } from 'tenantry';", `imports: [${ROOT.join('')}],`];
  if (!typescript || !rootModule) {
    const reason = typescript
      ? 'the root module was not found in it: add these lines where it is'
      : 'there is no typescript in node_modules to read it with: add these lines to the root module';
    return plan.leave({ path: sourceRoot, reason, lines });
  }
  const { path, className, text } = rootModule;
  if (/\bTenantryModule\s*\.\s*forRoot/.test(text)) return;
  try {
    const after = addToModule(typescript, { text, className }, { elements: [ROOT], imports });
    plan.change({ path, before: text, after });
  } catch (error) {
    if (!(error instanceof UneditableFileError)) throw error;
    plan.leave({ path, reason: `${error.message}: add these lines`, lines });
  }
}
