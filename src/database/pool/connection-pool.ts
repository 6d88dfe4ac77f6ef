import type pg from 'pg';
import type { ConnectionTarget } from './connection-target.js';
import type { PoolCounts } from './pool.errors.js';

/** A physical connection, held exclusively until it is released; releasing twice is a no-op. */
export interface PooledConnection {
  readonly client: pg.ClientBase;
  /** Gives it back; with a reason it is closed instead of reused. */
  release(discardReason?: string): void;
}

/** The physical connections to one target. */
export interface ConnectionPool {
  readonly target: ConnectionTarget;
  /**
   * Waits its turn for a connection.
   *
   * @throws PoolTimeoutError, TargetUnavailableError, PoolEndedError, UnsafeRoleError
   */
  acquire(): Promise<PooledConnection>;
  counts(): PoolCounts;
  /** Takes no new callers, closes what is idle at once and the rest when it is given back. Resolves when all are closed. */
  end(): Promise<void>;
}

/** For people and logs; carries no secret. */
export function targetName(target: ConnectionTarget): string {
  return `${target.role}@${target.server.host}:${target.server.port}/${target.database}`;
}
