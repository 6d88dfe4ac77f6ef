import { CodedError } from '../../platform/errors/coded-error.js';

const MAX_SHOWN = 20;

/** Raised when some of the proposed moves were not made. The operation can be tried again. */
export class RebalanceIncompleteError extends CodedError {
  readonly code = 'REBALANCE_INCOMPLETE';

  /** @param left why tenants are where they were, by slug */
  constructor(left: ReadonlyMap<string, string>) {
    const shown = Array.from(left, ([slug, reason]) => `${slug} (${reason})`).slice(0, MAX_SHOWN);
    const more = left.size > shown.length ? ` and ${left.size - shown.length} more` : '';
    super(`${left.size} tenant(s) were not moved: ${shown.join(', ')}${more}`);
  }
}
