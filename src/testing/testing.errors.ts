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
