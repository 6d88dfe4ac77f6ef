import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when something about a tenant, its tables or the masks keeps it from being cloned; it is as it was. */
export class CloneRefusedError extends CodedError {
  readonly code = 'CLONE_REFUSED';

  constructor(
    readonly obstacles: readonly string[],
    cause?: unknown,
  ) {
    super(`the tenant cannot be cloned: ${obstacles.join('; ')}`, { cause });
  }
}
