import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised by a test that has found ways in which tenants are not kept apart; its message has a line for each. */
export class TenantIsolationError extends CodedError {
  readonly code = 'TENANTS_NOT_ISOLATED';

  constructor(readonly findings: readonly string[]) {
    super(`tenants are not kept apart:\n${findings.map((line) => `  ${line}`).join('\n')}`);
  }
}

/** Raised where tests are registered and no test runner is known. */
export class NoTestRunnerError extends CodedError {
  readonly code = 'NO_TEST_RUNNER';

  constructor() {
    super('the test runner has no globals: give describeTenantIsolation the option `runner: { describe, it }`');
  }
}
