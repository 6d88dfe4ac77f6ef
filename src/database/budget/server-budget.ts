import { runWithoutContext } from '../../platform/run-without-context.js';
import { AdaptiveLimit } from './adaptive-limit.js';
import { type Reservation, ReservedSlots } from './reserved-slots.js';
import { ServerOpenings } from './server-openings.js';

/** A pool as its server's budget sees it. */
export interface BudgetMember {
  /** Slots that the pool occupies now. */
  readonly held: number;
  /** Idle connections among them. */
  readonly idle: number;
  /** Closes the pool's longest-idle connection; false when none is idle. */
  closeLongestIdle(): boolean;
  /** When its longest-idle connection became idle, in ms; undefined when none is idle. */
  readonly idleSince: number | undefined;
  /** When the pool's next waiter began to wait, in ms; undefined when there is no waiter. */
  readonly waitingSince: number | undefined;
  /** Grants one requested slot: the pool may open one connection. Returns false when it no longer needs one. */
  onGranted(): boolean;
}

/** A connection that has been idle for this long may go to any pool that can use it. */
const UNUSED_MS = 1_000;
/**
 * A waiter that has waited this long justifies closing a connection that another pool uses. Before that, it may be
 * served sooner by a connection released in its own pool, or together with later arrivals.
 */
const PATIENCE_MS = 20;
/** Connections that pools give up on a full server: for the catalog and notifications, which do not ask for a slot. */
const HEADROOM = 2;

/**
 * The hard limit of connections to one server, across all pools of this process. A connection occupies a slot from
 * before it is opened until after it is closed, so the server never sees more connections than the limit.
 *
 * Work that is not tenants' has `ReservedSlots`. Beyond those that are kept free for it, pools use them while it does
 * not; slots that it waits for lower the pools' limit, and are lent to it as pools close connections.
 *
 * At the limit, a free slot goes to the pool with the fewest connections, so that a pool with hundreds of callers
 * cannot starve pools with one. Moving a connection means closing it in one pool and opening one in another. Moves are
 * limited to as many at a time as the server opens quickly, and connections already being closed for the same waiters
 * count: otherwise pools that are all in use would keep closing each other's connections and spend their time
 * connecting.
 *
 * A server that is full for other reasons refuses connections before the limit is reached. Then the limit is lowered to
 * what this process has, less `HEADROOM`: pools wait in turn for connections that others close, as they do at the limit,
 * and another connection is tried from time to time.
 */
export class ServerBudget {
  private occupied = 0;
  private closingForOthers = 0;
  /** Connections being closed because a lowered limit is exceeded. */
  private closingExcess = 0;
  private readonly max: AdaptiveLimit;
  private readonly members = new Set<BudgetMember>();
  private readonly reserved: ReservedSlots[] = [];
  /** How many slots each pool still waits for; insertion order is waiting order, longest first. */
  private readonly waitingPools = new Map<BudgetMember, number>();
  private waitingSlots = 0;
  private nextCheck: NodeJS.Timeout | undefined;
  /** The connections now being opened; pools report theirs here. */
  readonly openings: ServerOpenings;
  /** Called when a slot is waited for. */
  onWaiting: () => void = () => undefined;
  /** When the limit ends, in ms of the same clock: from then on no first connection is opened. */
  private validUntil = Infinity;
  /** Whether the limit has ended while there was no connection, and was not renewed since. */
  private isShut = false;
  /** What the limit was at first: the process's own. */
  private readonly ownLimit: number;

  constructor(
    private maxConnections: number,
    /** Milliseconds, on the same clock as the members' times. */
    private readonly now: () => number = () => performance.now(),
    /** Called when the server refuses a connection for the first time since the limit was as configured. */
    private readonly onFull: (open: number) => void = () => undefined,
  ) {
    this.ownLimit = maxConnections;
    this.max = new AdaptiveLimit(maxConnections, () => this.distribute(), HEADROOM);
    this.openings = new ServerOpenings(now, () => this.makeRoom());
  }

  /** What pools may have now: less than configured while the server refuses connections, or reserved work needs some. */
  get limit(): number {
    return this.max.current;
  }

  /** A higher limit takes effect at once, a lower one as connections are closed. */
  resize(maxConnections: number): void {
    if (maxConnections === this.maxConnections) return;
    this.maxConnections = maxConnections;
    this.rebalance();
  }

  /**
   * Sets when the limit ends unless it is renewed. Until it is, connections are replaced by others as before; once none is left,
   * pools open none: the limit may have been lent to another process since. What is kept for reserved work stays, because a
   * renewal needs it.
   *
   * @param time in ms of the budget's clock
   */
  expireAt(time: number): void {
    this.validUntil = time;
    if (!this.isShut) return;
    this.isShut = false;
    this.rebalance();
  }

  /** Sets slots aside for work that is not tenants'. */
  reserve(reservation: Reservation): ReservedSlots {
    const slots = new ReservedSlots(
      reservation,
      () => this.rebalance(),
      () => this.isShut,
    );
    this.reserved.push(slots);
    this.rebalance();
    return slots;
  }

  /** Frees a slot whose connection the server has refused because it is full. */
  releaseRefused(): void {
    this.occupied -= 1;
    if (!this.max.isLowered) this.onFull(this.occupied);
    this.max.lower(this.occupied);
    this.lend();
    this.closeExcess();
  }

  /** Slots that pools occupy: connections open, being opened or being closed. */
  get open(): number {
    return this.occupied;
  }

  /** Slots in use, and those kept free: how many connections there may be although no more are asked for. */
  get secured(): number {
    return this.occupied + this.sumOf(({ secured }) => secured);
  }

  /** Slots in use by callers, waited for, and kept free. Idle connections are not needed. */
  get needed(): number {
    let idle = 0;
    for (const member of this.members) idle += member.idle;
    return this.occupied - idle + this.waitingSlots + this.sumOf(({ claimed }) => claimed);
  }

  /** Slots that pools wait for. */
  get waiting(): number {
    return this.waitingSlots;
  }

  join(member: BudgetMember): void {
    this.members.add(member);
  }

  leave(member: BudgetMember): void {
    this.members.delete(member);
    this.setWaiting(member, 0);
  }

  /** Withdraws one of the pool's waiting requests. */
  withdraw(member: BudgetMember): void {
    this.setWaiting(member, (this.waitingPools.get(member) ?? 0) - 1);
  }

  /**
   * Requests a slot. True: it is occupied now, to be returned with `release` once its connection is closed. False: the
   * pool waits, and `onGranted` is called when a slot is free.
   */
  request(member: BudgetMember): boolean {
    if (this.tryAcquire()) return true;
    this.setWaiting(member, (this.waitingPools.get(member) ?? 0) + 1);
    this.makeRoom();
    this.onWaiting();
    return false;
  }

  /** Like `request`, but never waits; false when the limit is reached or pools are waiting. */
  tryAcquire(): boolean {
    if (this.occupied >= this.limit || this.waitingSlots > 0 || this.checkExpired()) return false;
    this.occupied += 1;
    return true;
  }

  /** Frees a slot: its connection is closed, or could not be opened. */
  release(): void {
    this.occupied -= 1;
    if (this.closingExcess > 0) this.closingExcess -= 1;
    else if (this.closingForOthers > 0) this.closingForOthers -= 1;
    this.lend();
    this.distribute();
  }

  /** Whether the pool should close a connection that was just released to it, as excess or in favour of another pool. */
  isNeededElsewhere(member: BudgetMember): boolean {
    if (this.isExceeded) {
      this.closingExcess += 1;
      return true;
    }
    if (this.waitingSlots <= this.closingForOthers || !this.shouldYield(member, 0)) return false;
    this.closingForOthers += 1;
    return true;
  }

  /** Shares the limit between reserved work and pools, which keep one slot at least. */
  private rebalance(): void {
    this.lend();
    const claimed = this.sumOf((slots) => slots.claimed);
    this.max.configured = Math.max(this.leastForPools, this.maxConnections - claimed);
    this.distribute();
    this.closeExcess();
  }

  /** Lends free slots to reserved work, which comes before pools. */
  private lend(): void {
    for (const slots of this.reserved) while (slots.isWaiting && this.canLend(slots)) slots.lend();
    if (this.reserved.some(({ isWaiting }) => isWaiting)) this.onWaiting();
  }

  /**
   * A kept slot is free, unless a limit was lowered under connections that are still open. A process whose own limit leaves
   * nothing but what is kept holds no reserved work back: it could never run.
   */
  private canLend({ isNextKept }: ReservedSlots): boolean {
    const hasExpired = this.checkExpired();
    if (this.isTiny) return true;
    const free = this.maxConnections - this.sumOf(({ secured }) => secured);
    if (isNextKept) return this.occupied <= Math.max(1, free);
    return !hasExpired && Math.max(this.occupied, this.leastForPools) < free;
  }

  private sumOf(count: (slots: ReservedSlots) => number): number {
    return this.reserved.reduce((sum, slots) => sum + count(slots), 0);
  }

  private get isTiny(): boolean {
    return this.ownLimit > 0 && this.ownLimit <= this.sumOf(({ kept }) => kept);
  }

  /** Pools have one connection, where the limit leaves one beyond what is kept. */
  private get leastForPools(): number {
    const spare = this.isTiny ? this.maxConnections : this.maxConnections - this.sumOf(({ kept }) => kept);
    return Math.max(0, Math.min(1, spare));
  }

  /** Called before each opening, and after each connection that has closed: what has expired stays so until it is renewed. */
  private checkExpired(): boolean {
    this.isShut ||= this.now() >= this.validUntil && this.occupied + this.sumOf(({ held }) => held) === 0;
    return this.isShut;
  }

  private distribute(): void {
    while (this.occupied < this.limit && !this.checkExpired()) {
      const member = this.mostStarved();
      if (!member) return;
      this.grant(member);
    }
  }

  private grant(member: BudgetMember): void {
    const remaining = (this.waitingPools.get(member) ?? 0) - 1;
    this.setWaiting(member, 0); // requeues the pool's remaining requests behind the other pools
    this.setWaiting(member, remaining);
    this.occupied += 1;
    if (!member.onGranted()) this.occupied -= 1;
  }

  private setWaiting(member: BudgetMember, slots: number): void {
    this.waitingSlots += slots - (this.waitingPools.get(member) ?? 0);
    if (slots > 0) this.waitingPools.set(member, slots);
    else this.waitingPools.delete(member);
  }

  /** Whether a lowered limit is exceeded by more than what is being closed. */
  private get isExceeded(): boolean {
    return this.occupied - this.closingExcess - this.closingForOthers > this.limit;
  }

  /** Closes idle connections above the limit; busy ones follow when they are released. */
  private closeExcess(): void {
    while (this.isExceeded) {
      if (!(this.longestIdle(2) ?? this.longestIdle(1))?.closeLongestIdle()) return;
      this.closingExcess += 1;
    }
  }

  /** The waiting pool with the fewest connections; ties go to the longest waiter. */
  private mostStarved(): BudgetMember | undefined {
    let mostStarved: BudgetMember | undefined;
    for (const member of this.waitingPools.keys()) {
      if (mostStarved && mostStarved.held <= member.held) continue;
      mostStarved = member;
      if (member.held === 0) break;
    }
    return mostStarved;
  }

  /** Closes idle connections in favour of waiting pools, which receive the slots once the connections are closed. */
  private makeRoom(): void {
    while (this.closingForOthers < this.waitingSlots) {
      const candidate = this.evictionCandidate();
      if (!candidate) return this.checkAgainLater();
      if (!candidate.closeLongestIdle()) return;
      this.closingForOthers += 1;
    }
  }

  /** The pool with the longest-idle connection; pools that would keep another connection come first. */
  private evictionCandidate(): BudgetMember | undefined {
    for (const minHeld of [2, 1]) {
      const longest = this.longestIdle(minHeld);
      if (longest?.idleSince !== undefined && this.shouldYield(longest, this.now() - longest.idleSince)) return longest;
    }
    return undefined;
  }

  /**
   * Whether a pool should give up a connection that has been idle for `idleMs`, in addition to those already being
   * closed:
   * - a connection it can spare: for any pool that has none;
   * - its last connection, for a pool that has none: only when unused, or after a wait of `PATIENCE_MS`;
   * - for a pool that has some: only after a wait of `PATIENCE_MS`, and when the connection is unused or the move makes
   *   the two pools more equal.
   */
  private shouldYield(giver: BudgetMember, idleMs: number): boolean {
    if (this.closingForOthers >= this.openings.room) return false;
    const patientSince = this.now() - PATIENCE_MS;
    const isUnused = idleMs >= UNUSED_MS;
    let due = 0;
    for (const [member, slots] of this.waitingPools) {
      if (member === giver) continue;
      const isPatient = (member.waitingSince ?? Infinity) <= patientSince;
      if (member.held === 0) due += isPatient || isUnused || giver.held > 1 ? 1 : 0;
      else if (isPatient && (isUnused || member.held + 1 < giver.held)) due += slots;
      if (due > this.closingForOthers) return true;
    }
    return false;
  }

  private checkAgainLater(): void {
    this.nextCheck ??= runWithoutContext(() =>
      setTimeout(() => {
        this.nextCheck = undefined;
        this.makeRoom();
      }, PATIENCE_MS).unref(),
    );
  }

  private longestIdle(minHeld: number): BudgetMember | undefined {
    let longest: BudgetMember | undefined;
    for (const member of this.members) {
      const since = member.idleSince;
      if (since === undefined || member.held < minHeld) continue;
      if (since < (longest?.idleSince ?? Infinity)) longest = member;
    }
    return longest;
  }
}
