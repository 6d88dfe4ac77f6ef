import { PublicError } from '../../platform/errors/public-error.js';

/** Raised when all admin connections to a server stayed busy for `DB_POOL_TIMEOUT`. */
export class AdminConnectionTimeoutError extends PublicError {
  constructor(
    readonly serverId: string,
    readonly busy: number,
    readonly waiting: number,
    readonly waitedMs: number,
  ) {
    super(
      'POOL_TIMEOUT',
      `no admin connection to server ${serverId} within ${waitedMs} ms (busy ${busy}, waiting ${waiting})`,
      {
        retryAfterSeconds: 5,
        publicMessage: 'too many provisioning and migration tasks are running on this server',
      },
    );
  }
}
