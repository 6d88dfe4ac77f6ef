import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when the console is asked for and its files are missing. */
export class ConsoleNotBuiltError extends CodedError {
  readonly code = 'CONSOLE_NOT_BUILT';

  constructor(cause?: unknown) {
    super('the console is not built: run `npm run build`, or set ENABLE_CONSOLE=false', { cause });
  }
}
