import { runWithoutContext } from '../../platform/run-without-context.js';
import { ServerOpenings } from './server-openings.js';

/** What a server's budget needs to know of each pool that draws on it. */
export interface BudgetMember {
  /** Places that it has now. */
  readonly held: number;
  /** Closes the connection of this pool that has been idle for longest; false when none is idle. */
  closeLongestIdle(): boolean;
  /** When its longest idle connection became idle, in ms; undefined when none is idle. */
  readonly idleSince: number | undefined;
  /** When the wait of its next caller began, in ms; undefined when nobody waits. */
  readonly waitingSince: number | undefined;
  /** It may open one connection now. Returns false when it needs none any more. */
  permit(): boolean;
}

/** A connection that has been idle for so long is given to any pool that can use it. */
const UNUSED_MS = 1_000;
/**
 * Who has waited for so long is worth a connection that another pool uses. One who has waited less may be served sooner by
 * a connection that their own pool gets back, or with others who come meanwhile.
 */
const PATIENCE_MS = 20;

/**
 * The hard limit of connections to one server, over all pools of this process. A connection counts from before it is
 * opened until after it is closed, so the server never sees more than the limit.
 *
 * At the limit the pools share: a free place goes to the one that has fewest, so that a pool with hundreds of callers
 * does not keep out the pools that have one. Connections are moved from pool to pool (closed here, opened there) no more at
 * a time than the server opens quickly, and none beside those that are on their way to the same callers: otherwise pools
 * that are all in use would close each other's connections at every turn, and be busy with connecting.
 */
export class ServerBudget {
  private taken = 0;
  private closingForOthers = 0;
  private readonly members = new Set<BudgetMember>();
  /** How many places each pool was refused that it still wants; the one that has waited longest first. */
  private readonly waitingPools = new Map<BudgetMember, number>();
  private wanted = 0;
  private nextCheck: NodeJS.Timeout | undefined;
  /** Those who open connections tell it. */
  readonly openings: ServerOpenings;

  constructor(
    private most: number,
    /** Milliseconds, of the clock that members tell their times by. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.openings = new ServerOpenings(now, () => this.makeRoom());
  }

  get limit(): number {
    return this.most;
  }

  /** One that is raised is used at once; one that is lowered, as connections are closed. */
  set limit(limit: number) {
    this.most = limit;
    this.distribute();
  }

  get open(): number {
    return this.taken;
  }

  get waiting(): number {
    return this.wanted;
  }

  join(member: BudgetMember): void {
    this.members.add(member);
  }

  leave(member: BudgetMember): void {
    this.members.delete(member);
    this.setWanted(member, 0);
  }

  /** The pool can do without one of the places that it was refused. */
  withdraw(member: BudgetMember): void {
    this.setWanted(member, (this.waitingPools.get(member) ?? 0) - 1);
  }

  /** True: open one now, and `give` it back when it is closed. False: `permit` is called when there is one. */
  take(member: BudgetMember): boolean {
    if (this.takeNow()) return true;
    this.setWanted(member, (this.waitingPools.get(member) ?? 0) + 1);
    this.makeRoom();
    return false;
  }

  /** Like `take`, for those who do not wait. */
  takeNow(): boolean {
    if (this.taken >= this.most || this.wanted > 0) return false;
    this.taken += 1;
    return true;
  }

  /** A connection is closed, or could not be opened. */
  give(): void {
    this.taken -= 1;
    if (this.closingForOthers > 0) this.closingForOthers -= 1;
    this.distribute();
  }

  /** Whether a connection that a pool has just got back should be closed for another one. */
  isNeededElsewhere(member: BudgetMember): boolean {
    if (this.wanted <= this.closingForOthers || !this.isDueFrom(member, 0)) return false;
    this.closingForOthers += 1;
    return true;
  }

  private distribute(): void {
    while (this.taken < this.most) {
      const member = this.mostStarved();
      if (!member) return;
      this.serve(member);
    }
  }

  private serve(member: BudgetMember): void {
    const rest = (this.waitingPools.get(member) ?? 0) - 1;
    this.setWanted(member, 0); // what it wants besides this one waits behind the others
    this.setWanted(member, rest);
    this.taken += 1;
    if (!member.permit()) this.taken -= 1;
  }

  private setWanted(member: BudgetMember, places: number): void {
    this.wanted += places - (this.waitingPools.get(member) ?? 0);
    if (places > 0) this.waitingPools.set(member, places);
    else this.waitingPools.delete(member);
  }

  /** Of the hungry pools that which has fewest connections; of several, the one that has waited longest. */
  private mostStarved(): BudgetMember | undefined {
    let poorest: BudgetMember | undefined;
    for (const member of this.waitingPools.keys()) {
      if (poorest && poorest.held <= member.held) continue;
      poorest = member;
      if (member.held === 0) break;
    }
    return poorest;
  }

  /** Closes idle connections for those who are refused places; whoever waits gets one's place once it is closed. */
  private makeRoom(): void {
    while (this.closingForOthers < this.wanted) {
      const evictionCandidate = this.victim();
      if (!evictionCandidate) return this.checkAgainLater();
      if (!evictionCandidate.closeLongestIdle()) return;
      this.closingForOthers += 1;
    }
  }

  /** Of pools that keep another one first, that which has been idle for longest. */
  private victim(): BudgetMember | undefined {
    for (const atLeast of [2, 1]) {
      const longest = this.longestIdle(atLeast);
      if (longest?.idleSince !== undefined && this.isDueFrom(longest, this.now() - longest.idleSince)) return longest;
    }
    return undefined;
  }

  /**
   * Whether the pool should give up one that has been idle for so long, beside those that are being closed already: what
   * it can spare for any pool that has none, what is unused or would make two pools more equal for one that has waited
   * for a while, and its last one only for a pool that has had none for a while.
   */
  private isDueFrom(giver: BudgetMember, idleMs: number): boolean {
    if (this.closingForOthers >= this.openings.room) return false;
    const patientSince = this.now() - PATIENCE_MS;
    const isUnused = idleMs >= UNUSED_MS;
    let due = 0;
    for (const [member, places] of this.waitingPools) {
      if (member === giver) continue;
      const isPatient = (member.waitingSince ?? Infinity) <= patientSince;
      if (member.held === 0) due += isPatient || isUnused || giver.held > 1 ? 1 : 0;
      else if (isPatient && (isUnused || member.held + 1 < giver.held)) due += places;
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

  private longestIdle(atLeast: number): BudgetMember | undefined {
    let longest: BudgetMember | undefined;
    for (const member of this.members) {
      const since = member.idleSince;
      if (since === undefined || member.held < atLeast) continue;
      if (since < (longest?.idleSince ?? Infinity)) longest = member;
    }
    return longest;
  }
}
