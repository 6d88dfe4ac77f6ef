import { constants } from 'node:fs';
import { access, lstat, readdir, readFile, realpath, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder } from '../../platform/data-dir/data-dir.js';
import { DataDirectoryUnusableError } from './embedded.errors.js';
import type { ServiceAccount } from './service-account.js';
import { removeAbandoned } from './staging.js';

/**
 * Name of PostgreSQL's data in `DATA_DIR`: a folder or, under root, a link to a folder that the service account can
 * enter.
 */
export const DATA_NAME = 'postgres';

export interface PostgresData {
  /** Absolute path with links resolved. */
  readonly path: string;
  /** The path shown to people: `DATA_DIR/postgres`, possibly a link to `path`. */
  readonly name: string;
  /** The PostgreSQL major version that wrote the data, such as `18`. */
  readonly major: string;
  readonly owner: ServiceAccount;
}

/** Creates `DATA_DIR` when it is missing and removes leftovers of crashed starts. @throws DataDirectoryUnusableError */
export async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    createFolder(dataDir);
    await access(dataDir, constants.W_OK | constants.X_OK);
    await removeAbandoned(dataDir, DATA_NAME);
  } catch (error) {
    throw toDataDirectoryError(dataDir, error);
  }
}

/**
 * Finds the data of an earlier start; undefined on the first start.
 *
 * @throws DataDirectoryUnusableError when the folder cannot be read or contains something other than PostgreSQL's data
 */
export async function findData(dataDir: string): Promise<PostgresData | undefined> {
  const link = join(dataDir, DATA_NAME);
  try {
    if (!(await lstat(link).catch(ignoreMissing))) return undefined;
    const path = await realpath(link).catch(ignoreMissing);
    if (path === undefined) {
      throw new DataDirectoryUnusableError(
        link,
        'the folder that the link points to is gone; delete the link to start empty',
      );
    }
    const entries = await readdir(path);
    if (entries.length === 0) {
      await rmdir(link); // equivalent to no data, and the name is needed
      return undefined;
    }
    if (!entries.includes('PG_VERSION')) {
      throw new DataDirectoryUnusableError(link, 'it contains other files; move them away');
    }
    const { uid, gid } = await stat(path);
    return { path, name: link, major: (await readFile(join(path, 'PG_VERSION'), 'utf8')).trim(), owner: { uid, gid } };
  } catch (error) {
    throw toDataDirectoryError(link, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  ENOTDIR: 'it is not a folder',
  EEXIST: 'it is not a folder',
};

/** Turns a failed file operation into a `DataDirectoryUnusableError`; returns other errors unchanged. */
export function toDataDirectoryError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new DataDirectoryUnusableError(path, REASONS[code] ?? code, error);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
