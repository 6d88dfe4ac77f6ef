import { posix } from 'node:path';
import type { HostProject } from '../host/host-project.js';
import type { PlanBuilder } from './plan-builder.js';

/** Where the test of the whole application's isolation is. */
function isolationTestPath({ folder }: HostProject): string {
  return posix.join(folder, 'test', 'tenant-isolation.spec.ts');
}

/** Jest as `nest new` configures it looks for tests in the sources only; Vitest finds this one without a script. */
export function isolationTestScript(project: HostProject): string | undefined {
  const { manifest } = project;
  if (usesVitest(project) || manifest.devDependencies?.['jest'] === undefined) return undefined;
  return `jest --rootDir . --roots ./${posix.dirname(isolationTestPath(project))} --testRegex tenant-isolation.spec.ts$`;
}

/** A new file; one that exists is left alone. */
export async function planIsolationTest(plan: PlanBuilder): Promise<void> {
  const { project } = plan;
  const path = isolationTestPath(project);
  const before = await plan.text(path);
  if (before !== undefined || !project.rootModule) return;
  const { className, path: module } = project.rootModule;
  const from = posix.relative(posix.dirname(path), module).replace(/\.ts$/, project.extension);
  const after = `import { describeTenantIsolation, startTestTenancy } from 'tenantry/testing';
${usesVitest(project) ? "import { afterAll, beforeAll } from 'vitest';\n" : ''}import { ${className} } from '${from}';

let tenancy: Awaited<ReturnType<typeof startTestTenancy>>;

beforeAll(async () => {
  tenancy = await startTestTenancy({ module: ${className}, tenants: ['acme', 'globex'] });
}, 60_000);
afterAll(() => tenancy?.stop());

describeTenantIsolation(() => tenancy.app);
`;
  plan.addChange({ path, before, after });
}

function usesVitest({ manifest }: HostProject): boolean {
  return manifest.devDependencies?.['vitest'] !== undefined;
}
