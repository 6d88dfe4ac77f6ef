import { CodedError } from '../errors/coded-error.js';
import { systemReason } from './system-error.js';

/** Raised when `DATA_DIR` cannot be created or written to. */
export class DataDirNotWritableError extends CodedError {
  readonly code = 'DATA_DIR_NOT_WRITABLE';

  constructor(
    readonly dataDir: string,
    options: { cause: unknown },
  ) {
    super(`cannot write to DATA_DIR (${dataDir}): ${systemReason(options.cause)}`, options);
  }
}

/**
 * Raised when the file of generated secrets is invalid. The file is left untouched, because overwriting it would lose
 * keys.
 */
export class SecretsFileInvalidError extends CodedError {
  readonly code = 'SECRETS_FILE_INVALID';

  constructor(
    readonly path: string,
    reason: string,
    options?: { cause?: unknown },
  ) {
    super(`${path} ${reason}; restore it, or delete it to generate new secrets`, options);
  }
}

/** Raised when another process holds the lock on the generated secrets for longer than a write can take. */
export class SecretsFileLockedError extends CodedError {
  readonly code = 'SECRETS_FILE_LOCKED';

  constructor(readonly lockPath: string) {
    super(`${lockPath} is held by another process; delete the file if no other instance is starting`);
  }
}
