import { CodedError } from '../platform/errors/coded-error.js';

/** Raised at start when the catalog's PostgreSQL does not answer or refuses the login. */
export class CatalogUnavailableError extends CodedError {
  readonly code = 'CATALOG_UNAVAILABLE';

  constructor(target: string, cause: unknown) {
    super(`the catalog at ${target} cannot be reached: ${reason(cause)}`, { cause, retryAfterSeconds: 5 });
  }
}

/** Raised when so many names are asked for that the catalog's answers do not keep up. */
export class CatalogBusyError extends CodedError {
  readonly code = 'CATALOG_UNAVAILABLE';

  constructor() {
    super('the catalog is asked for more than it answers', { retryAfterSeconds: 1 });
  }
}

/** Raised at start when the role in DATABASE_URL may not do what creating tenants needs. */
export class MissingRightsError extends CodedError {
  readonly code = 'MISSING_RIGHTS';

  constructor(
    role: string,
    readonly missing: readonly string[],
  ) {
    super(`the role "${role}" of DATABASE_URL lacks ${missing.join(' and ')}`);
  }
}

/** Raised at start when the server is older than what the project relies on. */
export class UnsupportedServerError extends CodedError {
  readonly code = 'UNSUPPORTED_SERVER';

  constructor(version: string) {
    super(`PostgreSQL ${version} is not supported: 15 or newer is needed`);
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message || (cause as { code?: string }).code || cause.name : String(cause);
}
