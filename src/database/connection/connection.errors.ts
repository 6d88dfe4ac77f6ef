import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/** Raised when connecting to the target fails: it is down, unreachable, or rejects the login. */
export class TargetUnavailableError extends PublicError {
  constructor(
    readonly targetName: string,
    cause: unknown,
  ) {
    super('TENANT_UNAVAILABLE', `${targetName} cannot be reached: ${reasonOf(cause)}`, {
      cause,
      retryAfterSeconds: 5,
      publicMessage: "this tenant's database cannot be reached",
    });
  }
}

/**
 * Raised when connecting leads to a server that refuses writes: a standby, a primary that was demoted, or a server, role
 * or database whose transactions are read-only by default; where a server has several addresses, when none accepts writes.
 */
export class ReadOnlyServerError extends CodedError {
  readonly code = 'SERVER_READ_ONLY';

  /** @param addresses those that were tried, `host:port` each; none where the server has only one */
  constructor(
    readonly isStandby: boolean,
    addresses: readonly string[] = [],
  ) {
    super(
      addresses.length > 0
        ? `none of ${addresses.join(', ')} accepts writes: ${isStandby ? 'those that answer are standbys' : READ_ONLY_BY_DEFAULT}`
        : isStandby
          ? 'the server is a standby and refuses writes: the address must lead to the primary'
          : `the server refuses writes: ${READ_ONLY_BY_DEFAULT}`,
    );
  }
}

const READ_ONLY_BY_DEFAULT = 'default_transaction_read_only is on for the server, the database or the role';

/** Raised when a target's login role is able to bypass row-level security. */
export class UnsafeRoleError extends CodedError {
  readonly code = 'UNSAFE_ROLE';

  constructor(
    readonly targetName: string,
    readonly reason: string,
  ) {
    super(`connections to ${targetName} are not allowed: its login role ${reason}`);
  }
}
