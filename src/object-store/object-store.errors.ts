import { CodedError } from '../platform/errors/coded-error.js';

/** Raised when the store cannot be reached, does not respond in time, or fails by itself. Another attempt may succeed. */
export class StoreUnavailableError extends CodedError {
  readonly code = 'STORE_UNAVAILABLE';

  constructor(
    readonly location: string,
    readonly reason: string,
  ) {
    super(`the store ${location} is unavailable: ${reason}`);
  }
}

/** Raised when the store refuses a call: rights, credentials or a bucket are missing. Another attempt fails in the same way. */
export class StoreRefusedError extends CodedError {
  readonly code = 'STORE_REFUSED';

  constructor(
    readonly location: string,
    readonly reason: string,
  ) {
    super(`the store ${location} refused the call: ${reason}`);
  }
}

/** Raised when an object that is to be read does not exist. */
export class ObjectNotFoundError extends CodedError {
  readonly code = 'OBJECT_NOT_FOUND';

  constructor(
    readonly location: string,
    readonly key: string,
  ) {
    super(`there is no object ${key} in the store ${location}`);
  }
}

/** Raised for a key or a prefix that could lead out of the store. The message does not repeat it. */
export class ObjectKeyInvalidError extends CodedError {
  readonly code = 'OBJECT_KEY_INVALID';

  constructor() {
    super('a key of an object is segments of letters, digits, ".", "_" and "-", joined by "/", up to 512 characters');
  }
}

/** Raised when BACKUP_URL names S3, and the packages that it takes are not installed. */
export class StorePackagesMissingError extends CodedError {
  readonly code = 'STORE_PACKAGES_MISSING';

  constructor() {
    super('BACKUP_URL with s3:// needs two packages: npm install @aws-sdk/client-s3 @aws-sdk/lib-storage');
  }
}
