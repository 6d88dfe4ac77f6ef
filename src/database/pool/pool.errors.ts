import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';

/** A pool's state at one moment, in connections, except `waiting`, which counts callers. */
export interface PoolCounts {
  readonly total: number;
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Raised when no connection became available within `DB_POOL_TIMEOUT`. */
export class PoolTimeoutError extends PublicError {
  constructor(
    readonly targetName: string,
    readonly counts: PoolCounts,
    readonly waitedMs: number,
  ) {
    const { total, busy, idle, waiting } = counts;
    const state = `within ${waitedMs} ms (total ${total}, busy ${busy}, idle ${idle}, waiting ${waiting})`;
    super('POOL_TIMEOUT', `no connection to ${targetName} ${state}`, {
      retryAfterSeconds: 1,
      publicMessage: `no connection to database ${databaseOf(targetName)} ${state}`,
    });
  }
}

/** Raised when a connection is requested from a pool that is closing or closed. */
export class PoolEndedError extends PublicError {
  constructor(readonly targetName: string) {
    super('POOL_ENDED', `the connection pool of ${targetName} is closing`, {
      retryAfterSeconds: 1,
      publicMessage: 'the connections to this database are being replaced; try again',
    });
  }
}

/** Raised when a tenant's queue is full: it has reached its limits of running and waiting requests. */
export class TenantBusyError extends PublicError {
  constructor(
    readonly active: number,
    readonly waiting: number,
  ) {
    super(
      'TENANT_BUSY',
      `this tenant has reached its limit of concurrent requests (running ${active}, waiting ${waiting})`,
      {
        retryAfterSeconds: 1,
      },
    );
  }
}

/** Raised by the next statement of a transaction, session or stream that lasted, or was idle, for too long. */
export class LeaseExpiredError extends CodedError {
  readonly code = 'LEASE_EXPIRED';

  /** @param limitMs the limit that was exceeded */
  constructor(
    readonly reason: 'held' | 'idle',
    readonly limitMs: number,
  ) {
    const variable = reason === 'held' ? 'DB_LEASE_TIMEOUT' : 'DB_LEASE_IDLE_TIMEOUT';
    super(
      `this transaction, session or stream was ended and its connection closed, because it was ${reason} for longer than ${limitMs / 1000} s (${variable})`,
    );
  }
}

function databaseOf(targetName: string): string {
  return targetName.slice(targetName.lastIndexOf('/') + 1);
}
