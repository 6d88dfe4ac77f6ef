import type { CloseReason, PhysicalConnection } from '../connection/physical-connection.js';

/** How often a server behind a pooler is asked whether it accepts writes, because a pooler does not report that. */
const POOLER_CHECK_MS = 2_000;
/** A connection idle for longer is validated before use. */
const VALIDATION_INTERVAL_MS = 1_000;

/**
 * - `idle`: at the disposal of the next caller
 * - `validating`: asked whether it still works, for waiters
 * - `exclusive`: held by one caller
 * - `shared`: held by one or several callers, whose statements are pipelined
 * - `retired`: closed, or being closed
 */
export type EntryState = 'idle' | 'validating' | 'exclusive' | 'shared' | 'retired';

/** A connection of a pool, and what the pool knows about it. Times are in ms of the pool's clock. */
export class PoolEntry {
  state: EntryState = 'exclusive';
  /** Callers that hold it while it is `shared`. */
  sharerCount = 0;
  /** When it was last known to be alive. */
  lastAliveAt: number;
  /** When sharing began, or a sharer last released it: the statement that is running now started then. */
  lastProgressAt = 0;
  /** Set when it is to be closed after its last sharer has released it; it accepts no further sharers. */
  closeReason: CloseReason | undefined;
  /** From when on it is validated before its next use, however busy it is. */
  private checkAt = Infinity;

  constructor(
    readonly connection: PhysicalConnection,
    now: number,
    /** When it is to be replaced; Infinity for never. */
    readonly retireAt = Infinity,
    private readonly isBehindPooler = false,
  ) {
    this.lastAliveAt = now;
    this.markChecked(now);
  }

  /** Its server has answered that it accepts writes. */
  markChecked(now: number): void {
    if (this.isBehindPooler) this.checkAt = now + POOLER_CHECK_MS;
  }

  /** Whether it can be used without validation. */
  isTrusted(now: number): boolean {
    return now - this.lastAliveAt < VALIDATION_INTERVAL_MS && now < this.retireAt && now < this.checkAt;
  }
}
