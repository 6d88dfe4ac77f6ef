import type pg from 'pg';
import type { ConnectionTarget } from '../connection/connection-target.js';
import type { TenantShare } from './fair-queue.js';
import type { PoolCounts } from './pool.errors.js';

/**
 * A physical connection, held until it is released; releasing twice is a no-op. It is the holder's alone, unless they asked
 * for a place on one that is shared.
 */
export interface PooledConnection {
  readonly client: pg.ClientBase;
  /** Whether others send on it, too. */
  readonly isShared: boolean;
  /** Whether it is worth having statements prepared on it: it is used again, and it is always the same backend. */
  readonly isKept: boolean;
  /** Why it was taken away from its holder, who is to be told this instead of what became of the connection. */
  readonly revoked?: Error | undefined;
  /** On a shared one, which is left to the others: who is to be told when the place on it is taken away. */
  onRevoked?(tell: (reason: Error) => void): void;
  /** Gives it back; with a reason it is closed instead of reused. */
  release(discardReason?: string): void;
}

/** Who asks for a connection, and what for. */
export interface AcquireRequest {
  readonly tenantId: string;
  readonly share: TenantShare;
  /** A lease lasts as long as its holder wants, and is watched; a statement ends by its own deadline. */
  readonly hold: 'statement' | 'lease';
  /** Whether a place beside others on a shared connection will do. */
  readonly shares?: boolean;
  /** Ends the wait; what was not waited for any more is not handed out. */
  readonly signal?: AbortSignal;
}

/** The physical connections to one target. */
export interface ConnectionPool {
  readonly target: ConnectionTarget;
  /**
   * Waits its turn for a connection, `DB_POOL_TIMEOUT` at most: for the turn, for opening and for validating together.
   *
   * @throws PoolTimeoutError, TenantBusyError, TargetUnavailableError, PoolEndedError, UnsafeRoleError, the signal's
   *   reason, and why the tenant is not served when that is known (`Admission`)
   */
  acquire(request: AcquireRequest): Promise<PooledConnection>;
  /** One that is there at once; undefined where only `acquire` can tell. */
  tryAcquire(request: AcquireRequest): PooledConnection | undefined;
  counts(): PoolCounts;
}
