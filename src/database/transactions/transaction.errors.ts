import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a transaction is begun where one is open already; TypeORM itself uses savepoints there. */
export class TransactionAlreadyOpenError extends CodedError {
  readonly code = 'TRANSACTION_ALREADY_OPEN';

  constructor() {
    super('a transaction is open on this query runner already: use a savepoint');
  }
}

/** Raised when `COMMIT` finds that an earlier error, its `cause`, has aborted the transaction: nothing was kept. */
export class TransactionAbortedError extends CodedError {
  readonly code = 'TRANSACTION_ABORTED';

  constructor(cause: unknown) {
    super('an earlier statement of this transaction failed: it was rolled back instead of committed', { cause });
  }
}

/** Raised for what follows in a transaction whose connection broke: the server has rolled it back. */
export class TransactionLostError extends CodedError {
  readonly code = 'TRANSACTION_LOST';

  constructor(cause: unknown) {
    super('the connection of this transaction broke: it was rolled back', { cause });
  }
}

/** Raised when a session or query runner is used after it was given back. */
export class SessionEndedError extends CodedError {
  readonly code = 'SESSION_ENDED';

  constructor() {
    super('this session was given back already');
  }
}

/** Raised when an object that node-postgres could submit does not say which statement it would run. */
export class UnreadableSubmittableError extends CodedError {
  readonly code = 'UNREADABLE_SUBMITTABLE';

  constructor() {
    super('this kind of query object does not show its text; use pg-query-stream or pg-cursor');
  }
}
