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

/**
 * The hard limit of connections to one server, over all pools of this process. A connection counts from before it is
 * opened until after it is closed, so the server never sees more than the limit.
 *
 * At the limit the pools share: a free place goes to the one that has fewest, so that a pool with hundreds of callers
 * does not keep out the pools that have one.
 */
export class ServerBudget {
  private taken = 0;
  private closingForOthers = 0;
  private readonly members = new Set<BudgetMember>();
  /** How many places each pool was refused that it still wants; the one that has waited longest first. */
  private readonly hungry = new Map<BudgetMember, number>();
  private wanted = 0;

  constructor(private most: number) {}

  get limit(): number {
    return this.most;
  }

  /** One that is raised is used at once; one that is lowered, as connections are closed. */
  set limit(limit: number) {
    this.most = limit;
    this.feed();
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
    this.setWanted(member, (this.hungry.get(member) ?? 0) - 1);
  }

  /** True: open one now, and `give` it back when it is closed. False: `permit` is called when there is one. */
  take(member: BudgetMember): boolean {
    if (this.takeNow()) return true;
    this.setWanted(member, (this.hungry.get(member) ?? 0) + 1);
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
    this.feed();
  }

  /**
   * Whether a connection that a pool has just got back should be closed for another one: when nobody waits for it here,
   * when the other has so much less that moving one makes them more equal, or when it has waited for longer.
   */
  isNeededElsewhere(member: BudgetMember): boolean {
    if (this.wanted <= this.closingForOthers) return false;
    const other = this.poorest(member);
    if (other?.waitingSince === undefined) return false;
    const isFairer = other.held === 0 || other.held + 1 < member.held;
    if (!isFairer && (member.waitingSince ?? Infinity) <= other.waitingSince) return false;
    this.closingForOthers += 1;
    return true;
  }

  private feed(): void {
    while (this.taken < this.most) {
      const member = this.poorest();
      if (!member) return;
      this.serve(member);
    }
  }

  private serve(member: BudgetMember): void {
    const rest = (this.hungry.get(member) ?? 0) - 1;
    this.setWanted(member, 0); // what it wants besides this one waits behind the others
    this.setWanted(member, rest);
    this.taken += 1;
    if (!member.permit()) this.taken -= 1;
  }

  private setWanted(member: BudgetMember, places: number): void {
    this.wanted += places - (this.hungry.get(member) ?? 0);
    if (places > 0) this.hungry.set(member, places);
    else this.hungry.delete(member);
  }

  /** Of the hungry pools besides one, that which has fewest connections; of several, the one that has waited longest. */
  private poorest(besides?: BudgetMember): BudgetMember | undefined {
    let poorest: BudgetMember | undefined;
    for (const member of this.hungry.keys()) {
      if (member === besides || (poorest && poorest.held <= member.held)) continue;
      poorest = member;
      if (member.held === 0) break;
    }
    return poorest;
  }

  /** Closes what has been idle for longest anywhere on the server; whoever waits gets its place once it is closed. */
  private makeRoom(): void {
    while (this.closingForOthers < this.wanted) {
      const victim = this.longestIdle();
      if (!victim?.closeLongestIdle()) return;
      this.closingForOthers += 1;
    }
  }

  private longestIdle(): BudgetMember | undefined {
    let longest: BudgetMember | undefined;
    for (const member of this.members) {
      const since = member.idleSince;
      if (since !== undefined && since < (longest?.idleSince ?? Infinity)) longest = member;
    }
    return longest;
  }
}
