import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when an instance without BACKUP_URL is to read or write a backup. */
export class StoreNotConfiguredError extends CodedError {
  readonly code = 'STORE_NOT_CONFIGURED';

  constructor() {
    super('BACKUP_URL is not set on the instance that runs the operation');
  }
}

/** Raised when a backup that was read back is not what was written. */
export class BackupDiffersError extends CodedError {
  readonly code = 'BACKUP_DIFFERS';

  constructor(readonly key: string) {
    super(`the object ${key} is another archive than the one that was written`);
  }
}
