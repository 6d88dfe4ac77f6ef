import { ConnectBreaker } from '../connection/connect-breaker.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';
import type { CloseReason } from '../connection/physical-connection.js';
import type { PoolStatistics } from './pool-statistics.js';
import type { ServerBudget } from '../budget/server-budget.js';

/** Overflow that was closed at once would be opened again a moment later under load. */
const LINGER_MS = 1_000;
/** A connection that was idle for longer is asked whether it still answers before it is handed out. */
const TRUSTED_MS = 1_000;
/** So many share one connection before an idle one is taken. */
const SHALLOW = 2;
/** So many share one connection at most. */
export const MAX_SHARERS = 8;
/** So many idle ones are left to transactions and sessions for as long as there is a place on a shared one. */
const SPARED = 2;
/** Nobody is put behind a statement that has been running for longer. */
const STUCK_MS = 20;

/** The connections that a pool has: which are idle, and how many places of the server's budget they take. */
export class PoolConnections {
  /** Open and usable: idle, lent, or being looked at. */
  private readonly usable = new Set<PhysicalConnection>();
  /** The latest used last. */
  private readonly idleStack: PhysicalConnection[] = [];
  /** Held by those who share them. */
  private readonly shared = new Set<PhysicalConnection>();
  private opening = 0;
  private closing = 0;

  constructor(
    private readonly budget: ServerBudget,
    private readonly statistics: PoolStatistics,
    private readonly now: () => number,
    /** Called whenever one has closed, or could not be opened. */
    private readonly onSlotFreed: () => void,
  ) {}

  /** Open, being opened or being closed. */
  get total(): number {
    return this.usable.size + this.opening + this.closing;
  }

  get usableCount(): number {
    return this.usable.size;
  }

  get openingCount(): number {
    return this.opening;
  }

  /** Do not change it. */
  get idle(): readonly PhysicalConnection[] {
    return this.idleStack;
  }

  /** With a place in the server's budget already taken, which is given back when it fails. */
  async open(open: () => Promise<PhysicalConnection>): Promise<PhysicalConnection> {
    this.opening += 1;
    const { openings } = this.budget;
    const begun = openings.begin();
    try {
      const connection = await open();
      this.usable.add(connection);
      this.statistics.opened += 1;
      openings.end(begun, true);
      return connection;
    } catch (error) {
      if (!ConnectBreaker.refused(error)) this.statistics.openFailures += 1;
      this.budget.give();
      openings.end(begun, false);
      throw error;
    } finally {
      this.opening -= 1;
    }
  }

  has(connection: PhysicalConnection): boolean {
    return this.usable.has(connection);
  }

  /** Nobody uses it: it lies on top. It is known to be alive `now`. */
  park(connection: PhysicalConnection, now: number): void {
    connection.aliveAt = now;
    this.idleStack.push(connection);
  }

  /** One of them broke, and what broke it may have broken the others: each is looked at before it is used again. */
  requireValidation(): void {
    for (const connection of this.idleStack) connection.aliveAt = -Infinity;
  }

  /** Whether one of them, idle or lent, is known to have been alive since then. */
  someAliveSince(since: number): boolean {
    return [...this.usable].some(({ aliveAt }) => aliveAt >= since);
  }

  /** Takes the one that was used last. */
  takeTop(): PhysicalConnection | undefined {
    return this.idleStack.pop();
  }

  /** Takes a place beside those who hold it, or as the first one. */
  share(connection: PhysicalConnection, now: number): void {
    if (connection.holders === 0) {
      this.idleStack.splice(this.idleStack.lastIndexOf(connection), 1);
      connection.movedAt = now;
      this.shared.add(connection);
    }
    connection.holders += 1;
  }

  /** Gives such a place back. @returns whether others hold it still */
  unshare(connection: PhysicalConnection, now: number): boolean {
    connection.movedAt = now;
    connection.holders -= 1;
    if (connection.holders > 0) return true;
    this.shared.delete(connection);
    return false;
  }

  /** The idle one on top, when it need not be asked first whether it still answers. */
  validatedIdle(now: number): PhysicalConnection | undefined {
    const top = this.idleStack.at(-1);
    return top && now - top.aliveAt < TRUSTED_MS && now < top.retireAt ? top : undefined;
  }

  /**
   * Where one who shares is served: on a connection with little before them, then on an idle one that others can do
   * without, then behind some more. Nobody is put behind what has been running for long.
   *
   * @param idle the one that an idle place would be on, if there is one
   */
  findConnection(now: number, idle: PhysicalConnection | undefined): PhysicalConnection | undefined {
    let best: PhysicalConnection | undefined;
    for (const connection of this.shared) {
      if (connection.holders >= (best?.holders ?? MAX_SHARERS)) continue;
      if (connection.closeReason || now - connection.movedAt > STUCK_MS || now >= connection.retireAt) continue;
      best = connection;
    }
    if (!best || !idle) return best ?? idle;
    const isSpare = this.idleStack.length > SPARED;
    return best.holders < (isSpare ? SHALLOW : MAX_SHARERS) ? best : idle;
  }

  /** Closes the one that has been idle for longest; false when none is. */
  retireLongestIdle(reason: CloseReason): boolean {
    const [longest] = this.idleStack;
    return longest !== undefined && this.retire(longest, reason);
  }

  /** Closes what is idle and too old, and what is idle beyond `keep` for a while. */
  sweep(keep: number): void {
    const now = this.now();
    for (const connection of [...this.idleStack]) {
      if (now >= connection.retireAt) this.retire(connection, 'recycled');
      else if (this.usable.size > keep && now - connection.aliveAt >= LINGER_MS) {
        this.retire(connection, keep === 0 ? 'unused' : 'overflow');
      }
    }
  }

  /**
   * Closes one that did not answer, and those that have been idle for as long: to look at one after the other would take
   * its time for each.
   */
  retireUnanswering(silent: PhysicalConnection): void {
    const alike = this.idleStack.filter(({ aliveAt }) => aliveAt <= silent.aliveAt);
    for (const connection of [silent, ...alike]) this.retire(connection, 'unanswering');
  }

  /**
   * Closes it; its place in the budget is free once the server has closed it too. False when it was gone already.
   *
   * @param graceMs how long the server may take, before it is cut
   */
  retire(connection: PhysicalConnection, reason: CloseReason, graceMs?: number): boolean {
    const position = this.idleStack.indexOf(connection);
    if (position >= 0) this.idleStack.splice(position, 1);
    this.shared.delete(connection);
    if (!this.usable.delete(connection)) return false;
    this.statistics.countClosed(reason);
    this.closing += 1;
    connection.close(graceMs);
    void connection.closed.then(() => {
      this.closing -= 1;
      this.budget.give();
      this.onSlotFreed();
    });
    return true;
  }
}
