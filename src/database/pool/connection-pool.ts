import type pg from 'pg';
import type { ConnectionTarget } from '../connection/connection-target.js';
import type { TenantShare } from './fair-queue.js';
import type { PoolCounts } from './pool.errors.js';

/** How long a lease may be held: within both limits, for as long as it is not idle, or for as long as its holder wants. */
export type LeaseLimit = 'life' | 'idle' | 'none';

/** A connection checked out until `release`. It is exclusive, unless the request allowed sharing. */
export interface PooledConnection {
  readonly client: pg.ClientBase;
  /** Whether other callers send statements on the same connection. */
  readonly isShared: boolean;
  /**
   * Whether preparing statements pays off: the connection is reused and always leads to the same backend. False for
   * direct connections and behind a pooler.
   */
  readonly keepsPreparedStatements: boolean;
  /** Why the connection was revoked; the holder's caller receives this error instead of the connection's own. */
  readonly revoked?: Error | undefined;
  /** Registers a callback for revocation of a shared connection, which stays open for its other sharers. */
  onRevoked?(notify: (reason: Error) => void): void;
  /** Replaces the limits of a lease. No effect on a connection for one statement. */
  limitLease(limit: LeaseLimit): void;
  /**
   * Returns the connection to the pool; with a reason, it is closed instead of reused. Repeated calls have no effect.
   */
  release(discardReason?: string): void;
}

/** A request for a connection. */
export interface AcquireRequest {
  readonly tenantId: string;
  /**
   * Whether it is for an operation on the tenant, which works while the tenant is not served: `Admission` is not consulted.
   * `tenantId` is then that of `operationWork`.
   */
  readonly isOperation?: boolean;
  readonly share: TenantShare;
  /** A lease lasts as long as its holder needs and is monitored; a statement ends by its own timeout. */
  readonly hold: 'statement' | 'lease';
  /** Whether the lease may last, and be idle, for as long as its holder wants. */
  readonly isUnlimited?: boolean;
  /** Whether the caller accepts a shared connection. */
  readonly allowsSharing?: boolean;
  /** Whether it is for a read that is sent again because a slow statement is in front of it; it is counted. */
  readonly isResent?: boolean;
  /** Ends the wait; once aborted, the request receives no connection. */
  readonly signal?: AbortSignal;
}

/** The physical connections to one target. */
export interface ConnectionPool {
  readonly target: ConnectionTarget;
  /**
   * Waits for a connection, at most `DB_POOL_TIMEOUT` for queueing, opening and validation together.
   *
   * @throws PoolTimeoutError, TenantBusyError, TargetUnavailableError, PoolEndedError, UnsafeRoleError, the signal's
   *   reason, or the tenant's rejection when it is not served (`Admission`)
   */
  acquire(request: AcquireRequest): Promise<PooledConnection>;
  /** Returns a connection that is available at once; undefined means: call `acquire`. */
  tryAcquire(request: AcquireRequest): PooledConnection | undefined;
  counts(): PoolCounts;
}

const OPERATION_WORK = 'operation:';

/** The id under which an operation's work on a tenant queues and holds connections: the tenant's own are revoked without it. */
export function operationWork(tenantId: string): string {
  return OPERATION_WORK + tenantId;
}

/** Whether it is the id of a tenant, not of an operation's work on one. */
export function isTenants(id: string): boolean {
  return !id.startsWith(OPERATION_WORK);
}

/** Creates the error that rejects a tenant's work; a new one for each caller. */
export type Rejection = () => Error;

/** Decides whether a tenant may use connections. Consulted before each connection is handed out. */
export interface Admission {
  /** Whether `enter` would admit the tenant without waiting. */
  isOpen(tenantId: string): boolean;
  /**
   * @returns a promise to await before going on, or undefined when the tenant is admitted at once
   * @throws (or rejects with) the tenant's rejection
   */
  enter(tenantId: string): Promise<void> | undefined;
  /** Checks the last known status, for a connection that took long to open. @throws the tenant's rejection */
  assertServed(tenantId: string): void;
  /** After this, nothing is decided or revoked. */
  close(): void;
}

/** For pools used without admission control: every tenant is served. */
export const ADMIT_ALL: Admission = {
  isOpen: () => true,
  enter: () => undefined,
  assertServed: () => undefined,
  close: () => undefined,
};
