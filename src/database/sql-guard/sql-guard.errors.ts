import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a statement whose effect would stay on a connection that other tenants use next. */
export class SessionStatementRefusedError extends CodedError {
  readonly code = 'SESSION_STATEMENT_REFUSED';

  constructor(
    readonly statement: string,
    readonly remedy: string,
  ) {
    super(`${statement} is refused: ${remedy}`);
  }
}

/** Raised for a statement that would change whose rows the rest of its transaction sees. */
export class StampProtectedError extends CodedError {
  readonly code = 'STAMP_PROTECTED';

  constructor(readonly statement: string) {
    super(
      `${statement} is refused: a transaction keeps the tenant and schema that it began with; use run(tenant, …) to switch`,
    );
  }
}

/** Raised when a text holds more than one command and would be sent in a way in which the server does not reject that. */
export class MultipleCommandsError extends CodedError {
  readonly code = 'MULTIPLE_COMMANDS';

  constructor(readonly statement: string) {
    super(`${statement} cannot be combined with other commands: send them as separate statements`);
  }
}
