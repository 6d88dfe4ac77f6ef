import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { migrationSource } from '../../database/table-migrations/generation/migration-source.js';
import type { MigrationStep } from '../../database/table-migrations/generation/migration-step.js';
import { addToCall, UneditableFileError } from '../host/edit-module.js';
import { type FileChange, textOf } from '../host/file-change.js';
import type { HostProject } from '../host/host-project.js';
import { UsageError } from '../terminal/cli.errors.js';

/** `1764000000000-add-tags.ts` */
const MIGRATION_FILE = /^\d{13}-[^/]+\.ts$/;

export interface NewMigration {
  readonly className: string;
  /** From the application's folder. */
  readonly path: string;
}

/**
 * The name and place of a new migration.
 *
 * @param name in any case: `add tags`, `add-tags`, `AddTags`
 * @param newest the timestamp of the newest one, which it follows
 * @param folder in place of the newest one's
 * @throws UsageError
 */
export async function newMigration(
  project: HostProject,
  { name, newest, folder }: { readonly name: string; readonly newest: number; readonly folder?: string | undefined },
): Promise<NewMigration> {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z\d]+/)
    .filter((word) => word !== '');
  if (!/^[A-Za-z]/.test(words[0] ?? '')) throw new UsageError(`a migration's name begins with a letter: ${name}`);
  const timestamp = String(Math.max(Date.now(), newest + 1));
  const className = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') + timestamp;
  const targetFolder = folder ?? (await folderOfNewest(project)) ?? posix.join(project.sourceRoot, 'migrations');
  return { className, path: posix.join(targetFolder, `${timestamp}-${words.join('-').toLowerCase()}.ts`) };
}

/** The file, and its registration with the application's only `TenantryModule.forFeature` that has migrations. */
export async function migrationChanges(
  project: HostProject,
  { className, path }: NewMigration,
  steps: readonly MigrationStep[],
): Promise<{ readonly changes: readonly FileChange[]; readonly isRegistered: boolean }> {
  const file: FileChange = { path, before: undefined, after: migrationSource(className, steps) };
  const registrations = await registrationsOf(project, { className, path });
  const isRegistered = registrations.length === 1;
  return { changes: isRegistered ? [file, ...registrations] : [file], isRegistered };
}

/** How a file imports another one of the application. */
export function relativeImport({ extension }: Pick<HostProject, 'extension'>, from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to).replace(/\.ts$/, extension);
  return path.startsWith('.') ? path : `./${path}`;
}

/** The TypeScript files below the sources that are no tests. */
export async function sourceFiles({ root, sourceRoot }: HostProject): Promise<string[]> {
  const names = await readdir(join(root, sourceRoot), { recursive: true });
  const sources = names.filter(
    (name) => /(?<!\.d|[.-]spec|[.-]test)\.ts$/.test(name) && !name.includes('node_modules'),
  );
  return sources.map((name) => posix.join(sourceRoot, name.split('\\').join('/'))).toSorted();
}

async function registrationsOf(project: HostProject, { className, path }: NewMigration): Promise<FileChange[]> {
  const { typescript, root } = project;
  if (!typescript) return [];
  const found: FileChange[] = [];
  for (const module of await sourceFiles(project)) {
    const before = (await textOf(root, module)) ?? '';
    if (!before.includes('TenantryModule.forFeature')) continue;
    const from = relativeImport(project, module, path);
    const call = { callee: 'TenantryModule.forFeature', property: 'migrations', element: className, from };
    const after = editedText(() => addToCall(typescript, before, call));
    if (after !== undefined) found.push({ path: module, before, after });
  }
  return found;
}

function editedText(edit: () => string | undefined): string | undefined {
  try {
    return edit();
  } catch (error) {
    if (error instanceof UneditableFileError) return undefined;
    throw error;
  }
}

/** Of the newest migration that makes tenant tables. */
async function folderOfNewest(project: HostProject): Promise<string | undefined> {
  const files = (await sourceFiles(project)).filter((path) => MIGRATION_FILE.test(posix.basename(path)));
  const newestFirst = files.toSorted((a, b) => posix.basename(b).localeCompare(posix.basename(a)));
  for (const path of newestFirst) {
    if ((await textOf(project.root, path))?.includes('TenantTable(')) return posix.dirname(path);
  }
  return undefined;
}
