import { CodedError } from '../errors/coded-error.js';
import { systemReason } from './system-error.js';

/** Raised when `DATA_DIR` cannot be created or written to. */
export class DataDirNotWritableError extends CodedError {
  readonly code = 'DATA_DIR_NOT_WRITABLE';

  constructor(
    readonly dataDir: string,
    options: { cause: unknown },
  ) {
    super(`DATA_DIR (${dataDir}) cannot be written to: ${systemReason(options.cause)}`, options);
  }
}

/** Raised when the file of generated secrets cannot be understood. It is left as it is: overwriting loses keys. */
export class SecretsFileInvalidError extends CodedError {
  readonly code = 'SECRETS_FILE_INVALID';

  constructor(
    readonly path: string,
    reason: string,
    options?: { cause?: unknown },
  ) {
    super(`${path} ${reason}; restore it, or remove it to have new secrets generated`, options);
  }
}

/** Raised when another process keeps the file of generated secrets locked for longer than writing it can take. */
export class SecretsFileLockedError extends CodedError {
  readonly code = 'SECRETS_FILE_LOCKED';

  constructor(readonly lockPath: string) {
    super(`${lockPath} is held by another process; remove the file if no other copy is starting`);
  }
}
