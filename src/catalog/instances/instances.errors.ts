import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a renewal reaches the catalog after a later one: its answer is not waited for any more. */
export class OvertakenRenewalError extends CodedError {
  readonly code = 'RENEWAL_OVERTAKEN';

  constructor() {
    super('a later renewal of what servers lend has overtaken this one');
  }
}

/** Raised at start when the other instances hold so many connections of the catalog's server that too few are left. */
export class NoRoomError extends CodedError {
  readonly code = 'NO_ROOM_FOR_INSTANCE';

  constructor(lent: number, least: number) {
    super(
      `the server "default" lends this instance ${lent} of the ${least} connections that it needs at least: ` +
        'stop an instance, or raise the limit (servers set default --max-connections) or what PostgreSQL allows',
    );
  }
}
