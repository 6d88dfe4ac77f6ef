import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a backup that was read back is not what was written. */
export class BackupDiffersError extends CodedError {
  readonly code = 'BACKUP_DIFFERS';

  constructor(readonly key: string) {
    super(`the object ${key} is another archive than the one that was written`);
  }
}
