import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a statement would leave something behind on a connection that other tenants use next. */
export class SessionStatementRefusedError extends CodedError {
  readonly code = 'SESSION_STATEMENT_REFUSED';

  constructor(
    readonly statement: string,
    readonly remedy: string,
  ) {
    super(`${statement} is refused: ${remedy}`);
  }
}

/** Raised when a statement would change whose rows the rest of its transaction sees. */
export class StampProtectedError extends CodedError {
  readonly code = 'STAMP_PROTECTED';

  constructor(readonly statement: string) {
    super(
      `${statement} is refused: a transaction keeps the tenant and the schema it began with; run(tenant, …) switches`,
    );
  }
}

/** Raised when one text holds more than one command and the server would not be the one to say so. */
export class MultipleCommandsError extends CodedError {
  readonly code = 'MULTIPLE_COMMANDS';

  constructor(readonly statement: string) {
    super(`${statement} stands alone: send what follows it as statements of their own`);
  }
}
