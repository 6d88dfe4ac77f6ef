import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a name that leads out of the tenant's prefix, or that a file system or object store would not keep as it is. */
export class InvalidPathError extends CodedError {
  readonly code = 'INVALID_PATH';

  constructor() {
    super('a path has parts between slashes, none of them empty, ".", ".." or with a backslash or control character');
  }
}

/** Raised for a path that is another tenant's, or no tenant's. */
export class WrongTenantPathError extends CodedError {
  readonly code = 'WRONG_TENANT_PATH';

  constructor() {
    super("the path is not one of the current tenant's");
  }
}
