import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileChangedError } from '../terminal/cli.errors.js';

/** A file as it is and as it is to be. */
export interface FileChange {
  /** From the application's folder, with slashes. */
  readonly path: string;
  /** Undefined for a new file. */
  readonly before: string | undefined;
  readonly after: string;
  /** Generated values of a file that holds secrets, which no output may show. */
  readonly secrets?: readonly string[];
}

/** The text of a file; undefined when there is none. */
export async function textOf(root: string, path: string): Promise<string | undefined> {
  return existsSync(join(root, path)) ? readFile(join(root, path), 'utf8') : undefined;
}

interface PreparedFile {
  readonly temporary: string;
  readonly target: string;
}

/**
 * Writes all files, or none: each under a temporary name first; they are moved only when all are written.
 *
 * @throws FileChangedError when a file is not what the change was computed from
 */
export async function applyChanges(root: string, changes: readonly FileChange[]): Promise<void> {
  for (const { path, before } of changes) if ((await textOf(root, path)) !== before) throw new FileChangedError(path);
  const prepared: PreparedFile[] = [];
  try {
    for (const change of changes) prepared.push(await prepare(root, change));
    for (const { temporary, target } of prepared) await rename(temporary, target);
  } finally {
    for (const { temporary } of prepared) await rm(temporary, { force: true });
  }
}

async function prepare(root: string, { path, before, after, secrets }: FileChange): Promise<PreparedFile> {
  // A link stays one: what it leads to is replaced.
  const target = before === undefined ? join(root, path) : await realpath(join(root, path));
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.tenantry-${process.pid}`;
  await writeFile(temporary, after, { flag: 'wx', mode: secrets ? 0o600 : 0o666 });
  if (before !== undefined) await chmod(temporary, (await stat(target)).mode);
  return { temporary, target };
}
