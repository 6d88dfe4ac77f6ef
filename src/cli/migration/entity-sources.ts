import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import type ts from 'typescript';
import { TemplateDataSource } from '../../database/data-source/template-data-source.js';
import { firstMigrationSteps } from '../../database/table-migrations/generation/generate-migration.js';
import type { MigrationStep } from '../../database/table-migrations/generation/migration-step.js';
import { textOf } from '../host/file-change.js';
import { parseSource, type TypeScript } from '../host/host-typescript.js';
import type { HostProject } from '../host/host-project.js';
import { sourceFiles } from './migration-file.js';

/** An exported class under `@Entity`. */
export interface EntityClass {
  readonly className: string;
  /** From the application's folder. */
  readonly path: string;
}

/** The classes in an application's sources that TypeORM maps to tables. */
export async function findEntities(project: HostProject): Promise<EntityClass[]> {
  const { typescript, root } = project;
  if (!typescript) return [];
  const found: EntityClass[] = [];
  for (const path of await sourceFiles(project)) {
    const text = (await textOf(root, path)) ?? '';
    if (!/\bfrom\s+['"]typeorm['"]/.test(text)) continue;
    const source = parseSource(typescript, path, text);
    for (const statement of source.statements) {
      const className = entityName(typescript, source, statement);
      if (className !== undefined) found.push({ className, path });
    }
  }
  return found;
}

/**
 * The steps that make the tables of entities, whose sources are compiled for this into a folder that is removed. Nothing but
 * the files of the entities, and what these import, is loaded.
 *
 * @throws MigrationNotGeneratedError, and what loading the entities throws
 */
export async function stepsForSources(
  project: HostProject,
  entities: readonly EntityClass[],
): Promise<MigrationStep[]> {
  const { typescript, root } = project;
  if (!typescript) return [];
  // Below the application, so that its packages are found.
  const folder = join(root, 'node_modules', `.tenantry-${process.pid}`);
  try {
    await compile(typescript, project, folder);
    const classes = await Promise.all(entities.map((entity) => load(folder, entity)));
    return firstMigrationSteps(await TemplateDataSource.build({ entities: classes, migrations: [] }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compile(typescript: TypeScript, project: HostProject, folder: string): Promise<void> {
  const isModule = project.manifest.type === 'module';
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = {
    module: isModule ? ModuleKind.ES2022 : ModuleKind.CommonJS,
    target: ScriptTarget.ES2022,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    useDefineForClassFields: false,
    esModuleInterop: true,
  };
  for (const path of await sourceFiles(project)) {
    const { outputText } = typescript.transpileModule((await textOf(project.root, path)) ?? '', {
      compilerOptions,
      fileName: path,
    });
    const output = join(folder, compiledName(path));
    await mkdir(dirname(output), { recursive: true });
    await writeFile(output, outputText);
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: isModule ? 'module' : 'commonjs' }));
}

async function load(folder: string, { className, path }: EntityClass): Promise<new () => object> {
  const exported = (await import(pathToFileURL(join(folder, compiledName(path))).href)) as Record<string, unknown>;
  const found = exported[className] ?? (exported['default'] as Record<string, unknown> | undefined)?.[className];
  return found as new () => object;
}

function compiledName(path: string): string {
  return posix.normalize(path).replace(/\.ts$/, '.js');
}

function entityName(typescript: TypeScript, source: ts.SourceFile, statement: ts.Statement): string | undefined {
  if (!typescript.isClassDeclaration(statement)) return undefined;
  const isExported = statement.modifiers?.some(({ kind }) => kind === typescript.SyntaxKind.ExportKeyword);
  const names = (typescript.getDecorators(statement) ?? []).map(({ expression }) =>
    typescript.isCallExpression(expression) ? expression.expression.getText(source) : '',
  );
  const isEntity = names.some((name) => ['Entity', 'ChildEntity', 'ViewEntity'].includes(name));
  return isExported && isEntity ? statement.name?.text : undefined;
}
