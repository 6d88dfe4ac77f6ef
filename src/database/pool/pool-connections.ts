import { ConnectBreaker } from '../connection/connect-breaker.js';
import { exceededLimit } from '../connection/connection-limit.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';
import type { CloseReason } from '../connection/physical-connection.js';
import type { RoundTrip } from '../connection/round-trip.js';
import type { PoolStatistics } from './pool-statistics.js';
import type { ServerBudget } from '../budget/server-budget.js';

/** How long an overflow connection stays idle before it is closed; under load it would soon have to be opened again. */
const LINGER_MS = 1_000;
/** A connection idle for longer is validated before use. */
const VALIDATION_INTERVAL_MS = 1_000;
/** Sharers on a connection up to which it is preferred to a spare idle connection. */
const PREFERRED_SHARERS = 2;
/** Maximum number of callers that share one connection. */
export const MAX_SHARERS = 8;
/** Idle connections reserved for transactions and sessions while a shared connection has room. */
const RESERVED_IDLE = 2;
/** A shared connection whose current statement has been running for longer accepts no further sharers. */
const STALLED_MS = 20;

interface PoolConnectionsDependencies {
  readonly budget: ServerBudget;
  readonly statistics: PoolStatistics;
  readonly now: () => number;
  readonly roundTrip: RoundTrip;
}

/** The connections of one pool: which of them are idle, and how many slots of the server's budget they occupy. */
export class PoolConnections {
  /** Open and usable: idle, checked out, or being validated. */
  private readonly usable = new Set<PhysicalConnection>();
  /** The most recently used connection is last. */
  private readonly idleStack: PhysicalConnection[] = [];
  /** Connections with at least one sharer. */
  private readonly shared = new Set<PhysicalConnection>();
  private opening = 0;
  private closing = 0;

  constructor(
    private readonly dependencies: PoolConnectionsDependencies,
    /** Called when a connection has closed. */
    private readonly onSlotFreed: () => void,
  ) {}

  /** Connections open, being opened or being closed. */
  get total(): number {
    return this.usable.size + this.opening + this.closing;
  }

  get usableCount(): number {
    return this.usable.size;
  }

  get openingCount(): number {
    return this.opening;
  }

  /** A live view; the longest-idle connection is first. */
  get idle(): readonly PhysicalConnection[] {
    return this.idleStack;
  }

  /** Requires a slot already acquired from the server's budget; a failure releases it. */
  async open(open: () => Promise<PhysicalConnection>): Promise<PhysicalConnection> {
    this.opening += 1;
    const { openings } = this.dependencies.budget;
    const opening = openings.begin();
    try {
      const connection = await open();
      this.usable.add(connection);
      this.dependencies.statistics.opened += 1;
      openings.end(opening, true);
      return connection;
    } catch (error) {
      const limit = exceededLimit(error);
      if (limit === undefined && !ConnectBreaker.isRejection(error)) this.dependencies.statistics.openFailures += 1;
      if (limit === 'server') this.dependencies.budget.releaseRefused();
      else this.dependencies.budget.release();
      openings.end(opening, false);
      throw error;
    } finally {
      this.opening -= 1;
    }
  }

  has(connection: PhysicalConnection): boolean {
    return this.usable.has(connection);
  }

  /** Makes a connection idle that is known to be alive at `now`. */
  park(connection: PhysicalConnection, now: number): void {
    connection.lastAliveAt = now;
    this.idleStack.push(connection);
  }

  /** After a connection broke: the cause may have broken others too, so every idle one is validated before use. */
  requireValidation(): void {
    for (const connection of this.idleStack) connection.lastAliveAt = -Infinity;
  }

  /** Whether a usable connection, idle or checked out, is known to have been alive at or after `since`. */
  hasAliveSince(since: number): boolean {
    return [...this.usable].some(({ lastAliveAt }) => lastAliveAt >= since);
  }

  /** Removes and returns the most recently used idle connection. */
  popIdle(): PhysicalConnection | undefined {
    return this.idleStack.pop();
  }

  /** Adds a sharer to a shared connection, or to an idle one, which then becomes shared. */
  share(connection: PhysicalConnection, now: number): void {
    if (connection.sharerCount === 0) {
      this.idleStack.splice(this.idleStack.lastIndexOf(connection), 1);
      connection.lastProgressAt = now;
      this.shared.add(connection);
    }
    connection.sharerCount += 1;
  }

  /** Removes a sharer. @returns whether others remain */
  unshare(connection: PhysicalConnection, now: number): boolean {
    connection.lastProgressAt = now;
    connection.sharerCount -= 1;
    if (connection.sharerCount > 0) return true;
    this.shared.delete(connection);
    return false;
  }

  /** The most recently used idle connection, if it can be used without validation. */
  validatedIdle(now: number): PhysicalConnection | undefined {
    const top = this.idleStack.at(-1);
    if (!top || now - top.lastAliveAt >= VALIDATION_INTERVAL_MS) return undefined;
    return now < top.retireAt && now < top.checkAt ? top : undefined;
  }

  /**
   * Chooses the connection for a sharing caller, in this order: a shared one with fewer than `PREFERRED_SHARERS`, an
   * idle one beyond `RESERVED_IDLE`, a shared one with more sharers, any idle one. A stalled connection is never
   * chosen.
   *
   * @param idle the idle connection to consider, if any
   */
  findShareable(now: number, idle: PhysicalConnection | undefined): PhysicalConnection | undefined {
    let best: PhysicalConnection | undefined;
    const stalledBefore = now - STALLED_MS - this.dependencies.roundTrip.ms;
    for (const connection of this.shared) {
      if (connection.sharerCount >= (best?.sharerCount ?? MAX_SHARERS)) continue;
      const isStalled = connection.lastProgressAt < stalledBefore;
      if (connection.closeReason || isStalled || now >= connection.retireAt) continue;
      best = connection;
    }
    if (!best || !idle) return best ?? idle;
    const hasSpareIdle = this.idleStack.length > RESERVED_IDLE;
    return best.sharerCount < (hasSpareIdle ? PREFERRED_SHARERS : MAX_SHARERS) ? best : idle;
  }

  /** Closes the longest-idle connection; false when none is idle. */
  retireLongestIdle(reason: CloseReason): boolean {
    const [longest] = this.idleStack;
    return longest !== undefined && this.retire(longest, reason);
  }

  /** Closes idle connections that have reached their maximum age, and those in excess of `keep` after `LINGER_MS`. */
  sweep(keep: number): void {
    const now = this.dependencies.now();
    for (const connection of [...this.idleStack]) {
      if (now >= connection.retireAt) this.retire(connection, 'recycled');
      else if (this.usable.size > keep && now - connection.lastAliveAt >= LINGER_MS) {
        this.retire(connection, keep === 0 ? 'unused' : 'overflow');
      }
    }
  }

  /**
   * Closes a connection that failed validation, and all that have been idle for at least as long: validating them one
   * after the other would cost the validation timeout for each.
   */
  retireUnanswering(unanswering: PhysicalConnection): void {
    const suspects = this.idleStack.filter(({ lastAliveAt }) => lastAliveAt <= unanswering.lastAliveAt);
    for (const connection of [unanswering, ...suspects]) this.retire(connection, 'unanswering');
  }

  /**
   * Closes a connection; its budget slot is released once the server has closed it too. False when it was already
   * retired.
   *
   * @param graceMs time limit for an orderly close; after it the socket is destroyed
   */
  retire(connection: PhysicalConnection, reason: CloseReason, graceMs?: number): boolean {
    const position = this.idleStack.indexOf(connection);
    if (position >= 0) this.idleStack.splice(position, 1);
    this.shared.delete(connection);
    if (!this.usable.delete(connection)) return false;
    this.dependencies.statistics.countClosed(reason);
    this.closing += 1;
    connection.close(graceMs);
    void connection.closed.then(() => {
      this.closing -= 1;
      this.dependencies.budget.release();
      this.onSlotFreed();
    });
    return true;
  }
}
