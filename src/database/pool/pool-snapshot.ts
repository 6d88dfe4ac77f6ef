import type { WaitHistogramSnapshot } from './wait-histogram.js';

/** Why connections were closed. */
export type CloseReason =
  /** Its time was over (`DB_POOL_RECYCLE`). */
  | 'recycled'
  /** Above `DB_POOL_SIZE` and idle. */
  | 'overflow'
  /** Broken by an error, or given back with something left open. */
  | 'discarded'
  /** Closed from the other side while idle. */
  | 'lost'
  /** It did not answer when it was looked at before use. */
  | 'unanswering'
  /** Idle, and its place was needed for another target of the server. */
  | 'server-limit'
  /** Its target changed or the process stops. */
  | 'ending'
  /** Nobody used its target for long. */
  | 'unused'
  /** Pooling is off: each is used once. */
  | 'direct'
  /** Still held at the end of the shutdown, or a moment after its tenant was suspended. */
  | 'cut';

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
