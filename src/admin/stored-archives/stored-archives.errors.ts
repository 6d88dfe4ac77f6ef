import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when an instance without BACKUP_URL is to read or write an archive of the store. */
export class StoreNotConfiguredError extends CodedError {
  readonly code = 'STORE_NOT_CONFIGURED';

  constructor() {
    super('BACKUP_URL is not set on the instance that runs the operation');
  }
}

/** Raised when an export that was read back is not what was written. */
export class ExportDiffersError extends CodedError {
  readonly code = 'EXPORT_DIFFERS';

  constructor(readonly key: string) {
    super(`the object ${key} is not what was written`);
  }
}

/** Raised when the client of a download has read nothing for a while; its connection is closed. */
export class DownloadUnreadError extends CodedError {
  readonly code = 'DOWNLOAD_UNREAD';

  constructor(readonly unreadMs: number) {
    super(`the client of a download has read nothing for ${unreadMs / 1000} s`);
  }
}
