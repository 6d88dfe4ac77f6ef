import { CloseReason } from '../connection/physical-connection.js';
import type { WaitHistogramSnapshot } from './wait-histogram.js';

/** What happened to one target's pool, and what it looks like now. Counts are since the pool was made. */
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
  /** Refused with TENANT_BUSY. */
  readonly refused: number;
  /** Served over a direct connection because the pool failed. */
  readonly fallbacks: number;
  readonly breaker: 'closed' | 'open' | 'half-open';
}

/** One server, over all pools of this process. */
export interface ServerSnapshot {
  readonly server: string;
  readonly limit: number;
  /** Connections open, being opened or being closed. */
  readonly open: number;
  /** Connections that pools would open if the limit allowed. */
  readonly waiting: number;
}
