import { CodedError } from '../../platform/errors/coded-error.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/** Raised when the arguments of a command are wrong; exit code 2. */
export class UsageError extends CodedError {
  readonly code = 'USAGE';
}

/** Raised when the user did not confirm; exit code 1. */
export class NotConfirmedError extends CodedError {
  readonly code = 'NOT_CONFIRMED';

  constructor() {
    super('nothing was changed');
  }
}

/** Raised after a dry run that found failures: its output was printed, and what it was for would fail; exit code 1. */
export class DryRunFailedError extends CodedError {
  readonly code = 'DRY_RUN_FAILED';

  constructor(what: 'migration' | 'move', messages: readonly string[]) {
    super(`the ${what} would fail: ${[...new Set(messages)].join('; ')}`);
  }
}

/** Raised when a command needs a superuser of PostgreSQL and connected as another role; nothing was changed. */
export class NotSuperuserError extends CodedError {
  readonly code = 'NOT_SUPERUSER';

  constructor(
    private readonly role: string,
    alternatives: readonly string[] = [],
  ) {
    const instead = alternatives.length > 0 ? `. Without one, have ${alternatives.join('; ')}` : '';
    super(
      `the role ${role} is no superuser, and managed PostgreSQL has none to offer${instead}. See docs/guides/indexes.md`,
    );
  }

  withAlternatives(alternatives: readonly string[]): NotSuperuserError {
    return new NotSuperuserError(this.role, alternatives);
  }
}

/** Raised when a command is interrupted; exit code 130. */
export class InterruptedError extends CodedError {
  readonly code = 'INTERRUPTED';

  constructor(operationId: string | undefined) {
    super(
      operationId === undefined
        ? 'interrupted'
        : `interrupted; to continue the operation, run: operations follow ${operationId}`,
    );
  }
}

/** Raised when the application's root module cannot be found or loaded. */
export class HostModuleError extends CodedError {
  readonly code = 'HOST_MODULE';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** Raised when a folder is not that of a NestJS application, or lacks what a command needs of it. */
export class HostProjectError extends CodedError {
  readonly code = 'HOST_PROJECT';
}

/** Raised when a file was edited between the computation of its change and the writing of it; nothing was written. */
export class FileChangedError extends CodedError {
  readonly code = 'FILE_CHANGED';

  constructor(path: string) {
    super(`${path} was changed meanwhile; nothing was written: run the command again`);
  }
}

/** Raised when a file that a command was asked to write exists already, or cannot be written. */
export class FileNotWrittenError extends CodedError {
  readonly code = 'FILE_NOT_WRITTEN';

  constructor(path: string, cause: unknown) {
    const exists = (cause as { code?: unknown }).code === 'EEXIST';
    super(`${path} was not written: ${exists ? 'it exists' : reasonOf(cause)}`, { cause });
  }
}
