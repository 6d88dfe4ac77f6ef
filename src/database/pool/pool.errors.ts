import { CodedError } from '../../platform/errors/coded-error.js';

/** What a pool looked like at one moment; connections, except `waiting` (callers). */
export interface PoolCounts {
  readonly total: number;
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Raised when no connection became free within `DB_POOL_TIMEOUT`. */
export class PoolTimeoutError extends CodedError {
  readonly code = 'POOL_TIMEOUT';

  constructor(
    readonly targetName: string,
    readonly counts: PoolCounts,
    readonly waitedMs: number,
  ) {
    const { total, busy, idle, waiting } = counts;
    super(
      `no connection to ${targetName} within ${waitedMs} ms (total ${total}, busy ${busy}, idle ${idle}, waiting ${waiting})`,
      { retryAfterSeconds: 1 },
    );
  }

  override get publicMessage(): string {
    return this.message.replace(this.targetName, `database ${databaseOf(this.targetName)}`);
  }
}

/** Raised when a pool is asked for a connection after it was told to end. */
export class PoolEndedError extends CodedError {
  readonly code = 'POOL_ENDED';

  constructor(readonly targetName: string) {
    super(`the pool of ${targetName} is ending`, { retryAfterSeconds: 1 });
  }

  override get publicMessage(): string {
    return 'the connections to this database are being replaced';
  }
}

/** Raised when a tenant has as much under way, and as much waiting, as it may. */
export class TenantBusyError extends CodedError {
  readonly code = 'TENANT_BUSY';

  constructor(
    readonly active: number,
    readonly waiting: number,
  ) {
    super(`too much of this tenant's work is under way (${active}) and waiting (${waiting})`, { retryAfterSeconds: 1 });
  }
}

function databaseOf(targetName: string): string {
  return targetName.slice(targetName.lastIndexOf('/') + 1);
}
