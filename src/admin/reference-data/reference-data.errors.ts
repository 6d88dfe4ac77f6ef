import { CodedError } from '../../platform/errors/coded-error.js';

export interface PublishCounts {
  /** Sets of tables that have the version, or a newer one. */
  readonly applied: number;
  /** Those that refused it. */
  readonly refused: number;
  /** Those whose server or database is away. */
  readonly away: number;
}

/**
 * Raised while a server is away whose tables lack the version. Its cause is the lost connection, so that the operation is
 * tried again by itself.
 */
export class ReferenceDataBehindError extends CodedError {
  readonly code = 'REFERENCE_DATA_BEHIND';

  constructor({ applied, refused, away }: PublishCounts, cause: unknown) {
    super(`${applied} sets of tables have the version, ${away} are on servers that are away, ${refused} refused it`, {
      cause,
    });
  }
}

/** Raised when sets of tables refused a version. They keep the one that they have; retrying the operation tries them again. */
export class ReferenceDataRefusedError extends CodedError {
  readonly code = 'REFERENCE_DATA_REFUSED';

  constructor({ applied, refused }: PublishCounts) {
    super(`${applied} sets of tables have the version, ${refused} refused it`);
  }
}
