import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when all admin connections to a server stayed busy for `DB_POOL_TIMEOUT`. */
export class AdminConnectionTimeoutError extends CodedError {
  readonly code = 'POOL_TIMEOUT';

  constructor(
    readonly serverId: string,
    readonly busy: number,
    readonly waiting: number,
    readonly waitedMs: number,
  ) {
    super(`no admin connection to server ${serverId} within ${waitedMs} ms (busy ${busy}, waiting ${waiting})`, {
      retryAfterSeconds: 5,
    });
  }

  override get publicMessage(): string {
    return 'too many provisioning and migration tasks are running on this server';
  }
}
