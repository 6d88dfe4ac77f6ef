import { systemCode, systemReason } from '../platform/data-dir/system-error.js';
import { isCodedError } from '../platform/errors/coded-error.js';
import { DeadlineError } from '../platform/timeout.js';
import { StoreRefusedError, StoreUnavailableError } from './object-store.errors.js';

/** What an operator must change; anything else (full, away, broken) may pass by itself. */
const REFUSALS = new Set(['EACCES', 'EPERM', 'EROFS', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG']);

/** The error that a failed call of the file system means for the store. */
export function folderFailure(location: string, error: unknown): unknown {
  if (error instanceof DeadlineError) return new StoreUnavailableError(location, error.message);
  const code = systemCode(error);
  if (isCodedError(error) || code === undefined) return error;
  if (code === 'ENOENT') return new StoreUnavailableError(location, 'the folder does not exist');
  if (REFUSALS.has(code)) return new StoreRefusedError(location, systemReason(error));
  return new StoreUnavailableError(location, systemReason(error));
}
