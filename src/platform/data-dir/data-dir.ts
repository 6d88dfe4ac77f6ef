import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataDirNotWritableError } from './data-dir.errors.js';
import { systemCode } from './system-error.js';

/** As root, the account that PostgreSQL runs as must be able to pass through; what lies in it is 0600 or 0700 itself. */
const FOLDER_MODE = process.getuid?.() === 0 ? 0o711 : 0o700;
const REFUSALS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENOSPC', 'EDQUOT', 'ELOOP']);

/**
 * Runs `work`, which writes into `DATA_DIR`. The folder is created before (mode 0700, for root 0711) when it is missing; the mode of
 * one that is there is left alone.
 *
 * @param dataDir absolute path
 * @throws DataDirNotWritableError when the system refuses to create or to write
 */
export function inDataDir<T>(dataDir: string, work: () => T): T {
  try {
    createFolder(dataDir);
    return work();
  } catch (error) {
    if (!REFUSALS.has(systemCode(error) ?? '')) throw error;
    throw new DataDirNotWritableError(dataDir, { cause: error });
  }
}

/**
 * Creates a folder, and those above it, that only its owner can read; one that is there is left alone. By hand: with
 * `recursive: true` Node 20 spins for ever where a file system refuses with ENOENT, as /proc does.
 *
 * @throws the system's error
 */
export function createFolder(path: string): void {
  try {
    mkdirSync(path, FOLDER_MODE);
  } catch (error) {
    if (isFolder(path)) return;
    if (systemCode(error) !== 'ENOENT' || isFolder(dirname(path))) throw error;
    createFolder(dirname(path));
    createFolder(path);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
