/** What a server's budget needs to know of each pool that draws on it. */
export interface BudgetMember {
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
 */
export class ServerBudget {
  private taken = 0;
  private closingForOthers = 0;
  private readonly members = new Set<BudgetMember>();
  /** Pools that were refused, the longest waiting first; one entry for each connection they want. */
  private readonly hungry: BudgetMember[] = [];

  constructor(public limit: number) {}

  get open(): number {
    return this.taken;
  }

  get waiting(): number {
    return this.hungry.length;
  }

  join(member: BudgetMember): void {
    this.members.add(member);
  }

  leave(member: BudgetMember): void {
    this.members.delete(member);
    for (let index = this.hungry.indexOf(member); index >= 0; index = this.hungry.indexOf(member)) {
      this.hungry.splice(index, 1);
    }
  }

  /** True: open one now, and `give` it back when it is closed. False: `permit` is called when there is one. */
  take(member: BudgetMember): boolean {
    if (this.taken < this.limit && this.hungry.length === 0) {
      this.taken += 1;
      return true;
    }
    this.hungry.push(member);
    this.makeRoom();
    return false;
  }

  /** Like `take`, for those who do not wait. */
  takeNow(): boolean {
    if (this.taken >= this.limit || this.hungry.length > 0) return false;
    this.taken += 1;
    return true;
  }

  /** A connection is closed, or could not be opened. */
  give(): void {
    this.taken -= 1;
    if (this.closingForOthers > 0) this.closingForOthers -= 1;
    this.feed();
  }

  /** Whether a connection that a pool has just got back should be closed for one who has waited longer elsewhere. */
  isNeededElsewhere(member: BudgetMember): boolean {
    if (this.hungry.length <= this.closingForOthers) return false;
    const since = this.hungry.find((other) => other !== member && other.waitingSince !== undefined)?.waitingSince;
    if (since === undefined) return false;
    const own = member.waitingSince;
    if (own !== undefined && own <= since) return false;
    this.closingForOthers += 1;
    return true;
  }

  private feed(): void {
    while (this.taken < this.limit) {
      const member = this.hungry.shift();
      if (!member) return;
      this.taken += 1;
      if (!member.permit()) this.taken -= 1;
    }
  }

  /** Closes what has been idle for longest anywhere on the server; whoever waits gets its place once it is closed. */
  private makeRoom(): void {
    while (this.closingForOthers < this.hungry.length) {
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
