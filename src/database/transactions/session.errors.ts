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

/** Raised when one text holds more than one command and the server would not be the one to say so. */
export class MultipleCommandsError extends CodedError {
  readonly code = 'MULTIPLE_COMMANDS';

  constructor(readonly statement: string) {
    super(`${statement} stands alone: send what follows it as statements of their own`);
  }
}

/** Raised when an object that node-postgres could submit does not say which statement it would run. */
export class UnreadableSubmittableError extends CodedError {
  readonly code = 'UNREADABLE_SUBMITTABLE';

  constructor() {
    super('this kind of query object does not show its text; use pg-query-stream or pg-cursor');
  }
}

/** Raised at start when the pooler in front of the database does not keep the stamps of its clients apart. */
export class PoolerLeakError extends CodedError {
  readonly code = 'POOLER_LEAKS';

  constructor(readonly reason: string) {
    super(
      `the pooler at DATABASE_URL does not keep tenants apart: ${reason}; put it in transaction mode, or go without`,
    );
  }
}
