import type { ServerBudget } from '../budget/server-budget.js';
import { Breaker } from '../../platform/breaker.js';
import { exceededLimit } from '../connection/connection-failure.js';
import type { CloseReason } from '../connection/physical-connection.js';
import type { RoundTrip } from '../connection/round-trip.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolStatistics } from './pool-statistics.js';

/** How long an overflow connection stays idle before it is closed; under load it would soon have to be opened again. */
const LINGER_MS = 1_000;
/** Sharers on a connection up to which it is preferred to a spare idle connection. */
const PREFERRED_SHARERS = 2;
/** Maximum number of callers that share one connection. */
export const MAX_SHARERS = 8;
/** Idle connections reserved for transactions and sessions while a shared connection has room. */
const RESERVED_IDLE = 2;
/** A shared connection whose current statement has been running for longer accepts no further sharers. */
const STALLED_MS = 20;

interface ConnectionBagDependencies {
  readonly budget: ServerBudget;
  readonly statistics: PoolStatistics;
  readonly roundTrip: RoundTrip;
  /** Called when a connection has closed. */
  readonly onSlotFreed: () => void;
}

/** The connections of one pool, by state; each occupies a slot of the server's budget from opening until it is closed. */
export class ConnectionBag {
  /** In any state but `retired`. */
  private readonly entries = new Set<PoolEntry>();
  /** The most recently used connection is last. */
  private readonly idleStack: PoolEntry[] = [];
  private readonly shared = new Set<PoolEntry>();
  private openingCount = 0;
  private validatingCount = 0;
  private closingCount = 0;

  constructor(private readonly dependencies: ConnectionBagDependencies) {}

  /** Connections open, being opened or being closed. */
  get total(): number {
    return this.entries.size + this.openingCount + this.closingCount;
  }

  /** Connections held by callers. */
  get busy(): number {
    return this.entries.size - this.idleStack.length - this.validatingCount;
  }

  /** A live view; the longest-idle connection is first. */
  get idle(): readonly PoolEntry[] {
    return this.idleStack;
  }

  get validating(): number {
    return this.validatingCount;
  }

  /** Connections that waiters will receive soon. */
  get preparing(): number {
    return this.openingCount + this.validatingCount;
  }

  /** Whether no connection is open or being opened. */
  get isEmpty(): boolean {
    return this.entries.size + this.openingCount === 0;
  }

  /** Adds a connection, as idle. Requires a slot already acquired from the server's budget; a failure releases it. */
  async open(open: () => Promise<PoolEntry>): Promise<PoolEntry> {
    const { budget, statistics } = this.dependencies;
    this.openingCount += 1;
    const opening = budget.openings.begin();
    try {
      const entry = await open();
      this.entries.add(entry);
      statistics.opened += 1;
      budget.openings.end(opening, true);
      this.setIdle(entry);
      return entry;
    } catch (error) {
      const limit = exceededLimit(error);
      if (limit === undefined && !Breaker.isRejection(error)) statistics.openFailures += 1;
      if (limit === 'server') budget.releaseRefused();
      else budget.release();
      budget.openings.end(opening, false);
      throw error;
    } finally {
      this.openingCount -= 1;
    }
  }

  /** Whether a connection is known to have been alive at or after `since`. */
  hasAliveSince(since: number): boolean {
    return [...this.entries].some(({ lastAliveAt }) => lastAliveAt >= since);
  }

  /** After a connection broke: the cause may have broken others too, so every idle one is validated before use. */
  requireValidation(): void {
    for (const entry of this.idleStack) entry.lastAliveAt = -Infinity;
  }

  /** The connection that a caller can use now, without validation; `take` and `share` check it out. */
  find(allowsSharing: boolean, now: number): PoolEntry | undefined {
    const top = this.idleStack.at(-1);
    const idle = top?.isTrusted(now) ? top : undefined;
    return allowsSharing ? this.findShareable(idle, now) : idle;
  }

  /** Checks out an idle connection for one caller. */
  take(entry: PoolEntry): void {
    this.removeIdle(entry);
    entry.state = 'exclusive';
  }

  /** Adds a sharer to a shared connection, or to an idle one, which becomes shared. */
  share(entry: PoolEntry, now: number): void {
    if (entry.state === 'idle') {
      this.removeIdle(entry);
      entry.state = 'shared';
      entry.lastProgressAt = now;
      this.shared.add(entry);
    }
    entry.sharerCount += 1;
  }

  /** Removes a sharer. @returns whether others remain */
  unshare(entry: PoolEntry, now: number): boolean {
    entry.lastProgressAt = now;
    entry.sharerCount -= 1;
    if (entry.sharerCount > 0) return true;
    this.shared.delete(entry);
    return false;
  }

  /** Checks out the most recently used idle connection, to be validated. */
  takeToValidate(): PoolEntry | undefined {
    const entry = this.idleStack.pop();
    if (!entry) return undefined;
    entry.state = 'validating';
    this.validatingCount += 1;
    return entry;
  }

  /** Makes a connection idle that no caller holds any more, and that is known to be alive at `now`. */
  park(entry: PoolEntry, now: number): void {
    if (entry.state === 'retired') return;
    if (entry.state === 'validating') this.validatingCount -= 1;
    entry.lastAliveAt = now;
    this.setIdle(entry);
  }

  /**
   * Closes a connection that failed validation, and all that have been idle for at least as long: validating them one
   * after the other would cost the validation timeout for each. One that was lost meanwhile is closed already, and the
   * idle ones are to be validated (`requireValidation`): it did not time out, so nor need they.
   */
  retireUnanswering(unanswering: PoolEntry): void {
    if (!this.retire(unanswering, 'unanswering')) return;
    const suspects = this.idleStack.filter(({ lastAliveAt }) => lastAliveAt <= unanswering.lastAliveAt);
    for (const entry of suspects) this.retire(entry, 'unanswering');
  }

  /** Closes the longest-idle connection; false when none is idle. */
  retireLongestIdle(reason: CloseReason): boolean {
    const [longest] = this.idleStack;
    return longest !== undefined && this.retire(longest, reason);
  }

  retireIdle(reason: CloseReason): void {
    for (const entry of [...this.idleStack]) this.retire(entry, reason);
  }

  /** Destroys the sockets of all connections, also of those that are being validated by a server that may not answer. */
  destroyAll(): void {
    for (const entry of [...this.entries]) {
      entry.connection.destroyNow();
      this.retire(entry, 'cut');
    }
  }

  /** Closes idle connections that have reached their maximum age. */
  retireExpired(now: number): void {
    for (const entry of [...this.idleStack]) if (now >= entry.retireAt) this.retire(entry, 'recycled');
  }

  /** Closes idle connections that have reached their maximum age, and those in excess of `keep` after `LINGER_MS`. */
  sweep(keep: number, now: number): void {
    this.retireExpired(now);
    for (const entry of [...this.idleStack]) {
      if (this.entries.size > keep && now - entry.lastAliveAt >= LINGER_MS) {
        this.retire(entry, keep === 0 ? 'unused' : 'overflow');
      }
    }
  }

  /**
   * Closes a connection; its budget slot is released once the server has closed it too. False when it was already
   * retired.
   *
   * @param graceMs time limit for an orderly close; after it the socket is destroyed
   */
  retire(entry: PoolEntry, reason: CloseReason, graceMs?: number): boolean {
    if (!this.entries.delete(entry)) return false;
    if (entry.state === 'idle') this.removeIdle(entry);
    if (entry.state === 'validating') this.validatingCount -= 1;
    this.shared.delete(entry);
    entry.state = 'retired';
    this.dependencies.statistics.countClosed(reason);
    this.closingCount += 1;
    entry.connection.close(graceMs);
    void entry.connection.closed.then(() => {
      this.closingCount -= 1;
      this.dependencies.budget.release();
      this.dependencies.onSlotFreed();
    });
    return true;
  }

  /**
   * The connection for a sharing caller, in this order: a shared one with fewer than `PREFERRED_SHARERS`, an idle one
   * beyond `RESERVED_IDLE`, a shared one with more sharers, any idle one. A stalled connection is never chosen.
   */
  private findShareable(idle: PoolEntry | undefined, now: number): PoolEntry | undefined {
    let best: PoolEntry | undefined;
    const stalledBefore = now - STALLED_MS - this.dependencies.roundTrip.ms;
    for (const entry of this.shared) {
      if (entry.sharerCount >= (best?.sharerCount ?? MAX_SHARERS)) continue;
      const isStalled = entry.lastProgressAt < stalledBefore;
      if (entry.closeReason || isStalled || now >= entry.retireAt) continue;
      best = entry;
    }
    if (!best || !idle) return best ?? idle;
    const hasSpareIdle = this.idleStack.length > RESERVED_IDLE;
    return best.sharerCount < (hasSpareIdle ? PREFERRED_SHARERS : MAX_SHARERS) ? best : idle;
  }

  private setIdle(entry: PoolEntry): void {
    entry.state = 'idle';
    this.idleStack.push(entry);
  }

  private removeIdle(entry: PoolEntry): void {
    if (this.idleStack.at(-1) === entry) this.idleStack.pop();
    else this.idleStack.splice(this.idleStack.indexOf(entry), 1);
  }
}
