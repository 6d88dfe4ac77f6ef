import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised at the start for a handler that could not run as its decorators, or `guard: 'global'`, say. */
export class UnservableHandlerError extends CodedError {
  readonly code = 'UNSERVABLE_HANDLER';

  constructor(
    /** Class and method: `NotesGateway.list`. */
    readonly handler: string,
    reason: string,
  ) {
    super(`${handler} ${reason}`);
  }
}
