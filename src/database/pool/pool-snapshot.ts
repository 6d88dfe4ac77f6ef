import { CloseReason } from '../connection/physical-connection.js';
import type { WaitHistogramSnapshot } from './wait-histogram.js';

/** The state of one target's pool, and event counts since the pool was created. */
export interface PoolSnapshot {
  readonly target: string;
  readonly total: number;
  readonly busy: number;
  readonly idle: number;
  readonly waiting: number;
  readonly waits: WaitHistogramSnapshot;
  readonly opened: number;
  readonly openFailures: number;
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>;
  readonly timeouts: number;
  /** Callers rejected with TENANT_BUSY. */
  readonly refused: number;
  /** Requests passed to a direct connection because the pool failed. */
  readonly fallbacks: number;
  /** Reads sent again because a slow statement was in front of them on a shared connection. */
  readonly resent: number;
  readonly breaker: 'closed' | 'open' | 'half-open';
}

/** One server's budget, across all pools of this process. */
export interface ServerSnapshot {
  readonly server: string;
  /** Maximum number of connections. */
  readonly limit: number;
  /** Connections open, being opened or being closed. */
  readonly open: number;
  /** Connections that pools would open if the limit allowed. */
  readonly waiting: number;
}
