import { TopK } from './top-k.js';

/** Label value for all names without their own series. */
export const OTHER = 'other';

/** Maximum number of tenants, and of targets, with their own series. */
export const MAX_SERIES = 20;

/**
 * Counts per name for the busiest names, and one sum for all others, so that 10,000 tenants do not become 10,000
 * series.
 *
 * No series ever decreases. Activity is counted in the name's series at that moment and never moved later: adding a
 * name's past to `other` would look like a burst to `rate()`.
 */
export class TopSeries<Counts> {
  private readonly own = new Map<string, Counts>();
  private readonly others: Counts;
  private readonly busiest: TopK;

  constructor(
    private readonly create: () => Counts,
    now?: () => number,
  ) {
    this.others = create();
    const onEvicted = (name: string): void => void this.own.delete(name);
    this.busiest = new TopK({ max: MAX_SERIES, onEvicted, ...(now && { now }) });
  }

  /** Returns the counts to update for a name. `work` is the amount done, which decides the busiest names. */
  countsFor(name: string, work: number): Counts {
    // A tenant named `other` must not create a second series of that name.
    if (name === OTHER || !this.busiest.record(name, work)) return this.others;
    let counts = this.own.get(name);
    if (!counts) this.own.set(name, (counts = this.create()));
    return counts;
  }

  /** The current label value of a name. */
  labelOf(name: string): string {
    return this.own.has(name) ? name : OTHER;
  }

  /** Label value and counts of each series. Always includes `other`, so that its first count is seen as an increase. */
  entries(): (readonly [string, Counts])[] {
    return [...this.own, [OTHER, this.others]];
  }
}
