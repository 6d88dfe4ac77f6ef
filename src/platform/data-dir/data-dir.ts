import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DataDirNotWritableError } from './data-dir.errors.js';
import { systemCode } from './system-error.js';

/** As root, the PostgreSQL account must be able to traverse the folder; its contents are 0600 or 0700 themselves. */
const FOLDER_MODE = process.getuid?.() === 0 ? 0o711 : 0o700;
const WRITE_ERRORS = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ENOSPC', 'EDQUOT', 'ELOOP']);

/**
 * Runs `work`, which writes to `DATA_DIR`. Creates the folder first when it is missing (mode 0700; 0711 for root). The
 * mode of an existing folder is left unchanged.
 *
 * @param dataDir absolute path
 * @throws DataDirNotWritableError when creating or writing fails
 */
export function inDataDir<T>(dataDir: string, work: () => T): T {
  try {
    createFolder(dataDir);
    return work();
  } catch (error) {
    if (!WRITE_ERRORS.has(systemCode(error) ?? '')) throw error;
    throw new DataDirNotWritableError(dataDir, { cause: error });
  }
}

/**
 * Creates a folder and its parents, readable by the owner only; an existing folder is left unchanged. Not
 * `recursive: true`, with which Node 20 loops forever on file systems that fail with ENOENT, such as /proc.
 *
 * @throws the system error
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
