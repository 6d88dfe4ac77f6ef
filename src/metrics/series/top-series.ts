import { TopK } from './top-k.js';

/** The label value of everybody who has no series of their own. */
export const OTHER = 'other';

/** How many tenants, and how many targets, have series of their own. */
export const MAX_SERIES = 20;

/**
 * Counts for each of the busiest names, and one sum for all others: 10,000 tenants do not make 10,000 series.
 *
 * No series ever decreases. What a name does is counted where it belongs at that moment, and nothing is moved later: a
 * name's past added to `other` would look like a burst of work to `rate()`.
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
    const onLeave = (name: string): void => void this.own.delete(name);
    this.busiest = new TopK({ most: MAX_SERIES, onLeave, ...(now && { now }) });
  }

  /** Where to count what a name has just done; `work` is how much that was, for finding the busiest. */
  of(name: string, work: number): Counts {
    // A tenant may be called `other`: it must not make a second series of that name.
    if (name === OTHER || !this.busiest.note(name, work)) return this.others;
    let counts = this.own.get(name);
    if (!counts) this.own.set(name, (counts = this.create()));
    return counts;
  }

  /** The label value that a name goes by now. */
  labelOf(name: string): string {
    return this.own.has(name) ? name : OTHER;
  }

  /** Label value and counts of each series; `other` is always there, so that its first count is seen as an increase. */
  entries(): (readonly [string, Counts])[] {
    return [...this.own, [OTHER, this.others]];
  }
}
