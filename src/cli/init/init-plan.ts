import { planEnvironment } from './environment-files.js';
import type { HostProject } from '../host/host-project.js';
import { planIsolationTest } from './isolation-test.js';
import { planManifest } from './manifest-changes.js';
import { type InitPlan, PlanBuilder } from './plan-builder.js';
import { planRootModule } from './root-module-changes.js';

/** What an application lacks. Where nothing is missing, there is no change. */
export async function planInit(project: HostProject, env: NodeJS.ProcessEnv): Promise<InitPlan> {
  const plan = new PlanBuilder(project);
  await planRootModule(plan);
  await planManifest(plan);
  await planEnvironment(plan, env);
  await planIsolationTest(plan);
  return plan;
}
