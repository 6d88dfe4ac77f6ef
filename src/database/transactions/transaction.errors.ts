import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when a transaction is started inside an open one. TypeORM's own nested transactions use savepoints instead. */
export class TransactionAlreadyOpenError extends CodedError {
  readonly code = 'TRANSACTION_ALREADY_OPEN';

  constructor() {
    super('a transaction is already open on this query runner: use a savepoint');
  }
}

/** Raised by a commit when an earlier error, its `cause`, had aborted the transaction: nothing was committed. */
export class TransactionAbortedError extends CodedError {
  readonly code = 'TRANSACTION_ABORTED';

  constructor(cause: unknown) {
    super('the transaction was rolled back instead of committed, because an earlier statement failed', { cause });
  }
}

/** Raised by every further statement of a transaction whose connection broke. The server has rolled it back. */
export class TransactionLostError extends PublicError {
  constructor(cause: unknown) {
    super('TRANSACTION_LOST', 'the transaction was rolled back, because its connection broke', { cause });
  }
}

/** Raised when a transaction is given a time limit for its statements that is none. */
export class InvalidStatementTimeoutError extends CodedError {
  readonly code = 'INVALID_STATEMENT_TIMEOUT';

  constructor(
    readonly seconds: number,
    maxSeconds: number,
  ) {
    super(`statementTimeoutSeconds must be above 0 and at most ${maxSeconds}, not ${seconds}`);
  }
}

/** Raised when a session or query runner is used after its release. */
export class SessionEndedError extends CodedError {
  readonly code = 'SESSION_ENDED';

  constructor() {
    super('this session has ended: its connection was released');
  }
}

/** Raised for a query object that node-postgres could run, but that does not expose its statement for checking. */
export class UnreadableSubmittableError extends CodedError {
  readonly code = 'UNREADABLE_SUBMITTABLE';

  constructor() {
    super('this kind of query object does not expose its text: use pg-query-stream or pg-cursor');
  }
}
