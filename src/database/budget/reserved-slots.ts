/** How many of a server's connections one kind of work other than tenants' may have. */
export interface Reservation {
  /** Slots that stay free for it while it does not use them. */
  readonly kept: number;
  /** Slots beyond those are lent to pools, and taken back from them on demand, up to this number. */
  readonly max: number;
}

/**
 * The slots of a server's budget for one kind of work that is not tenants': admin connections, the catalog, operations. It
 * comes before pools: what it waits for is taken from them as soon as they have closed a connection.
 */
export class ReservedSlots {
  /** Called when slots were lent or given back. */
  onChanged: (held: number) => void = () => undefined;
  private wanted = 0;
  private lent = 0;

  constructor(
    private readonly reservation: Reservation,
    /** Called when the wanted number has changed. */
    private readonly onWanted: () => void,
    private readonly isShut: () => boolean = () => false,
  ) {}

  /** Whether no slot beyond those kept is lent until what the server lends to this process is renewed. */
  get awaitsRenewal(): boolean {
    return this.isShut();
  }

  get kept(): number {
    return this.reservation.kept;
  }

  /** Slots in use. */
  get held(): number {
    return this.lent;
  }

  /** Slots in use or kept free. */
  get secured(): number {
    return Math.max(this.kept, this.lent);
  }

  /** Slots that pools may not use: those kept free, in use, or waited for. */
  get claimed(): number {
    return Math.max(this.kept, this.wanted);
  }

  get isWaiting(): boolean {
    return this.lent < this.wanted;
  }

  /** Whether the next slot is one of those that are kept free. */
  get isNextKept(): boolean {
    return this.lent < this.kept;
  }

  /** Sets how many slots are needed in all. Fewer than before are given back at once, more are lent when they are free. */
  want(count: number): void {
    const wanted = Math.min(count, this.reservation.max);
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    if (this.lent > wanted) {
      this.lent = wanted;
      this.onChanged(wanted);
    }
    this.onWanted();
  }

  /** Called by the budget: one of the slots waited for is free. */
  lend(): void {
    this.lent += 1;
    this.onChanged(this.lent);
  }
}
