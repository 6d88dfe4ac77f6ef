import { constants } from 'node:fs';
import { access, lstat, readdir, readFile, realpath, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder } from '../../platform/data-dir/data-dir.js';
import { DataDirectoryUnusableError } from './embedded.errors.js';
import type { ServiceAccount } from './service-account.js';
import { removeAbandoned } from './staging.js';

/** The name of PostgreSQL's data in `DATA_DIR`: a folder, or root's link to a folder that the account can enter. */
export const DATA_NAME = 'postgres';

export interface PostgresData {
  /** Absolute, links followed. */
  readonly path: string;
  /** What people know it as: `DATA_DIR/postgres`, perhaps a link to `path`. */
  readonly name: string;
  /** The major version that wrote it: `18`. */
  readonly major: string;
  readonly owner: ServiceAccount;
}

/** @throws DataDirectoryUnusableError */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    createFolder(dataDir);
    await access(dataDir, constants.W_OK | constants.X_OK);
    await removeAbandoned(dataDir, DATA_NAME);
  } catch (error) {
    throw unusable(dataDir, error);
  }
}

/**
 * What an earlier start left; undefined on the first start.
 *
 * @throws DataDirectoryUnusableError when there is something that is no data of PostgreSQL, or that we cannot read
 */
export async function findData(dataDir: string): Promise<PostgresData | undefined> {
  const link = join(dataDir, DATA_NAME);
  try {
    if (!(await lstat(link).catch(ignoreMissing))) return undefined;
    const path = await realpath(link).catch(ignoreMissing);
    if (path === undefined) {
      throw new DataDirectoryUnusableError(link, 'the folder it leads to is gone; delete the link to start empty');
    }
    const entries = await readdir(path);
    if (entries.length === 0) return void (await rmdir(link)); // as good as none, and its name is needed
    if (!entries.includes('PG_VERSION')) {
      throw new DataDirectoryUnusableError(link, 'it holds something else; move that away');
    }
    const { uid, gid } = await stat(path);
    return { path, name: link, major: (await readFile(join(path, 'PG_VERSION'), 'utf8')).trim(), owner: { uid, gid } };
  } catch (error) {
    throw unusable(link, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  ENOTDIR: 'it is no folder',
  EEXIST: 'it is no folder',
};

/** A failed file operation as the error that says so in one line; other errors as they are. */
export function unusable(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new DataDirectoryUnusableError(path, REASONS[code] ?? code, error);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
