import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when tenants are left on a server that was to be emptied. The operation can be tried again. */
export class ServerNotEmptyError extends CodedError {
  readonly code = 'SERVER_NOT_EMPTY';

  /** @param left why they are still there, by slug */
  constructor(left: ReadonlyMap<string, string>) {
    const shown = Array.from(left, ([slug, reason]) => `${slug} (${reason})`).slice(0, MAX_SHOWN);
    const more = left.size > shown.length ? ` and ${left.size - shown.length} more` : '';
    super(`${left.size} tenant(s) are still there: ${shown.join(', ')}${more}`);
  }
}

const MAX_SHOWN = 20;
