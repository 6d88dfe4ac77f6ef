import { CodedError, type CodedErrorOptions } from '../../platform/errors/coded-error.js';

/** Raised when a file is not an archive, or not as it was written: truncated, changed, of another product. */
export class ArchiveUnreadableError extends CodedError {
  readonly code = 'ARCHIVE_UNREADABLE';

  constructor(reason: string, options?: CodedErrorOptions) {
    super(`the archive cannot be read: ${reason}`, options);
  }
}

/** Raised when a passphrase or an identity does not open an archive. */
export class ArchiveLockedError extends CodedError {
  readonly code = 'ARCHIVE_LOCKED';

  constructor(reason: string) {
    super(`the archive cannot be opened: ${reason}`);
  }
}

/** Raised when an archive was written for tables that this application does not have. */
export class ArchiveTablesError extends CodedError {
  readonly code = 'ARCHIVE_TABLES';

  constructor(reason: string) {
    super(`the archive does not fit this application: ${reason}`);
  }
}

/** Raised when something about a tenant's tables keeps its rows out of an archive; nothing was written. */
export class ArchiveRefusedError extends CodedError {
  readonly code = 'ARCHIVE_REFUSED';

  constructor(readonly obstacles: readonly string[]) {
    super(`the tenant's rows cannot be archived: ${obstacles.join('; ')}`);
  }
}
