import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../platform/parse-json.js';
import { HostProjectError, UsageError } from '../terminal/cli.errors.js';
import { hostTypeScript, type TypeScript } from './host-typescript.js';
import { findRootModule, type RootModule } from './root-module.js';

const compilerOptions = z.object({
  tsConfigPath: z.string().optional(),
  builder: z.union([z.string(), z.object({ type: z.string() })]).optional(),
  webpack: z.boolean().optional(),
});
const nestProject = z.object({
  type: z.string().optional(),
  root: z.string().optional(),
  sourceRoot: z.string().optional(),
  entryFile: z.string().optional(),
  compilerOptions: compilerOptions.optional(),
});
const nestCli = nestProject.extend({ projects: z.record(z.string(), nestProject).optional() });
type NestProject = z.infer<typeof nestProject>;

const stringRecord = z.record(z.string(), z.string());
const manifestSchema = z.object({
  name: z.string().optional(),
  type: z.string().optional(),
  dependencies: stringRecord.optional(),
  devDependencies: stringRecord.optional(),
  scripts: stringRecord.optional(),
  jest: z.unknown().optional(),
  tenantry: z.object({ module: z.string().optional() }).optional(),
});

type HostManifest = z.infer<typeof manifestSchema>;

/** Which of an application's projects is meant; the default project of `nest-cli.json` unless given. */
export interface ProjectChoice {
  readonly project?: string | undefined;
  readonly sourceRoot?: string | undefined;
}

/** An application of NestJS, as its files describe it. Paths are from its folder, with slashes. */
export interface HostProject {
  readonly root: string;
  /** Of a monorepo. */
  readonly name: string | undefined;
  readonly isMonorepo: boolean;
  readonly folder: string;
  readonly sourceRoot: string;
  readonly tsConfig: string;
  /** Whether the build makes one file, out of which no module can be imported. */
  readonly isBundled: boolean;
  readonly packageManager: 'npm' | 'pnpm' | 'yarn';
  readonly manifest: HostManifest;
  /** Undefined without TypeScript, or when it cannot be found. */
  readonly rootModule: RootModule | undefined;
  readonly typescript: TypeScript | undefined;
  /** Of relative imports. */
  readonly extension: '' | '.js';
}

/** @throws HostProjectError, UsageError */
export async function readHostProject(root: string, choice: ProjectChoice): Promise<HostProject> {
  const hostManifest = manifestSchema.safeParse(await readJson(root, 'package.json'));
  if (!hostManifest.success) throw new HostProjectError('there is no valid package.json in this folder');
  const packages = { ...hostManifest.data.dependencies, ...hostManifest.data.devDependencies };
  if (!packages['@nestjs/core'])
    throw new HostProjectError(
      'package.json does not depend on @nestjs/core: run this in the folder of a NestJS application',
    );
  const { name, project, isMonorepo } = await chosenProject(root, choice);
  const folder = project.root ?? '';
  const sourceRoot = project.sourceRoot ?? posix.join(folder, 'src');
  const typescript = hostTypeScript(root);
  const rootModule = await findRootModule(typescript, root, { sourceRoot, entryFile: project.entryFile ?? 'main' });
  return {
    ...{ root, name, isMonorepo, folder, sourceRoot, typescript, rootModule },
    tsConfig: tsConfigOf(root, project),
    isBundled: isBundled(project),
    packageManager: packageManagerOf(root),
    manifest: hostManifest.data,
    extension: extensionOf(hostManifest.data, rootModule),
  };
}

async function chosenProject(
  root: string,
  { project: wanted, sourceRoot }: ProjectChoice,
): Promise<{ name: string | undefined; project: NestProject; isMonorepo: boolean }> {
  const cli = nestCli.safeParse((await readJson(root, 'nest-cli.json')) ?? {}).data ?? {};
  const applications = Object.entries(cli.projects ?? {}).filter(([, { type }]) => type !== 'library');
  const isMonorepo = applications.length > 0;
  const isChosen = ([name, project]: [string, NestProject]): boolean =>
    wanted === undefined ? project.sourceRoot === (sourceRoot ?? cli.sourceRoot) : name === wanted;
  const chosen = applications.find(isChosen);
  if (wanted !== undefined && !chosen) {
    const known = applications.map(([name]) => name).join(', ');
    throw new UsageError(`no project ${wanted} in nest-cli.json${known ? `; there are: ${known}` : ''}`);
  }
  if (!chosen) return { name: undefined, project: { ...cli, ...(sourceRoot && { sourceRoot }) }, isMonorepo };
  const [name, project] = chosen;
  return {
    name,
    project: { ...project, compilerOptions: { ...cli.compilerOptions, ...project.compilerOptions } },
    isMonorepo,
  };
}

function isBundled({ compilerOptions: { builder, webpack } = {} }: NestProject): boolean {
  const type = typeof builder === 'object' ? builder.type : builder;
  return type === undefined ? webpack === true : type === 'webpack' || type === 'rspack';
}

function tsConfigOf(root: string, project: NestProject): string {
  const configured = project.compilerOptions?.tsConfigPath;
  const candidates = ['tsconfig.build.json', 'tsconfig.json'].map((name) => posix.join(project.root ?? '', name));
  return configured ?? candidates.find((path) => existsSync(join(root, path))) ?? 'tsconfig.json';
}

function packageManagerOf(root: string): HostProject['packageManager'] {
  if (existsSync(join(root, 'pnpm-lock.yaml'))) return 'pnpm';
  return existsSync(join(root, 'yarn.lock')) ? 'yarn' : 'npm';
}

/** As the root module imports; where it does not, as the module system requires. */
function extensionOf({ type }: HostManifest, rootModule: RootModule | undefined): HostProject['extension'] {
  const relative = rootModule?.relativeImports ?? [];
  if (relative.length > 0) return relative.some((name) => name.endsWith('.js')) ? '.js' : '';
  return type === 'module' ? '.js' : '';
}

async function readJson(root: string, path: string): Promise<unknown> {
  const text = await readFile(join(root, path), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseJson(text);
}
