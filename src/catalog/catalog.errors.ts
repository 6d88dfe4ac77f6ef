import { CodedError } from '../platform/errors/coded-error.js';
import { catalogSchema } from '../platform/config/variable-types.js';
import { PublicError } from '../platform/errors/public-error.js';
import { reasonOf } from '../platform/errors/reason-of.js';

/** Raised at start when the catalog's PostgreSQL does not respond or rejects the login. */
export class CatalogUnavailableError extends PublicError {
  constructor(target: string, cause: unknown) {
    super('CATALOG_UNAVAILABLE', `the catalog at ${target} cannot be reached: ${reasonOf(cause)}`, {
      cause,
      retryAfterSeconds: 5,
      publicMessage: 'the catalog is unavailable',
    });
  }
}

/** Raised when PostgreSQL did not become available at start within `STARTUP_WAIT`. */
export class StartupTimeoutError extends CodedError {
  readonly code = 'STARTUP_TIMEOUT';

  constructor(waitMs: number, cause: unknown) {
    super(`waited ${waitMs / 1000} s (STARTUP_WAIT): ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Raised when the process is stopped during `STARTUP_WAIT`. */
export class StartupInterruptedError extends CodedError {
  readonly code = 'STARTUP_INTERRUPTED';

  constructor(cause: unknown) {
    super('stopped while waiting for PostgreSQL (STARTUP_WAIT)', { cause });
  }
}

/** Raised when names are looked up faster than the catalog can answer, and too many lookups are waiting. */
export class CatalogBusyError extends PublicError {
  constructor() {
    super('CATALOG_UNAVAILABLE', 'catalog query queue is full', { retryAfterSeconds: 1 });
  }
}

/** Raised at start when the role in DATABASE_URL lacks a right that creating tenants requires. */
export class MissingRightsError extends CodedError {
  readonly code = 'MISSING_RIGHTS';

  constructor(
    role: string,
    readonly missing: readonly string[],
  ) {
    super(`the role "${role}" of DATABASE_URL lacks ${missing.join(' and ')}${hintOf(missing)}`);
  }
}

/** Raised at start when it is unclear, or impossible, that the catalog's tables are in a schema. */
export class CatalogSchemaError extends CodedError {
  readonly code = 'CATALOG_SCHEMA_INVALID';

  private constructor(
    readonly problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}: ${remedy}`);
  }

  /** Two schemas have a catalog: a former release, which knows one of them only, was started after a newer one. */
  static ambiguous(one: string, other: string): CatalogSchemaError {
    return new CatalogSchemaError(
      `the schemas "${one}" and "${other}" both have a catalog`,
      `set CATALOG_SCHEMA=${one} or CATALOG_SCHEMA=${other}, to the one with your tenants`,
    );
  }

  static elsewhere(configured: string, actual: string): CatalogSchemaError {
    // A schema of a former release may have any name; it is found without the variable.
    const canBeSet = catalogSchema.safeParse(actual).success;
    return new CatalogSchemaError(
      `CATALOG_SCHEMA is "${configured}", but the catalog of this database is in the schema "${actual}"`,
      canBeSet ? `set CATALOG_SCHEMA=${actual}` : 'leave CATALOG_SCHEMA unset',
    );
  }

  static taken(schema: string, tables: readonly string[]): CatalogSchemaError {
    const names = tables.map((name) => `"${name}"`).join(', ');
    return new CatalogSchemaError(
      `the schema "${schema}" has tables of another application (${names})`,
      'set CATALOG_SCHEMA to a schema without them',
    );
  }

  static ignored(schema: string): CatalogSchemaError {
    return new CatalogSchemaError(
      `the connection to the catalog does not take the search path "${schema}"`,
      'connect around the pooler, see DATABASE_DIRECT_URL',
    );
  }
}

/** Raised at start when the login role of TENANT_DATABASE_URL cannot log in. */
export class ProvidedLoginError extends CodedError {
  readonly code = 'PROVIDED_LOGIN_FAILED';

  constructor(target: string, cause: unknown) {
    super(`TENANT_DATABASE_URL: ${target} cannot log in: ${reasonOf(cause)}`, { cause });
  }
}

/** Raised at start when shared tenants live elsewhere than TENANT_DATABASE_URL says. */
export class ProvidedDatabaseChangedError extends CodedError {
  readonly code = 'PROVIDED_DATABASE_CHANGED';

  constructor(recorded: string, given: string) {
    super(`TENANT_DATABASE_URL names ${given}, but tenants live in ${recorded}: only the password may change`);
  }
}

/** Raised at start when the server's version is not supported. */
export class UnsupportedServerError extends CodedError {
  readonly code = 'UNSUPPORTED_SERVER';

  constructor(version: string) {
    super(`PostgreSQL ${version} is not supported: 15 or newer is required`);
  }
}

function hintOf(missing: readonly string[]): string {
  const isMadeByTenantry = missing.some((right) => right === 'CREATEDB' || right === 'CREATEROLE');
  return isMadeByTenantry ? ' (or TENANT_DATABASE_URL, see docs/guides/database-rights.md)' : '';
}
