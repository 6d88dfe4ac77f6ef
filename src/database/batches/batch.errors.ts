import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a batch is put together in a way that it cannot be sent: nothing of it was sent. */
export class InvalidBatchError extends CodedError {
  readonly code = 'INVALID_BATCH';

  constructor(reason: string) {
    super(`this batch was not sent: ${reason}`);
  }
}

/** Raised by the operations of a batch that failed over another one. Its caller receives the error of that one. */
export class BatchRolledBackError extends CodedError {
  readonly code = 'BATCH_ROLLED_BACK';

  constructor(cause: unknown) {
    super('another statement of its batch failed, so that nothing of the batch took effect', { cause });
  }
}

/** Raised by a statement that an operation of a batch, or a subscriber, sends once the batch has been sent. */
export class BatchSentError extends CodedError {
  readonly code = 'BATCH_SENT';

  constructor() {
    super("a batch sends each operation's only statement before any is answered: use a transaction for a further one");
  }
}
