export interface TopKOptions {
  /** Maximum number of names to select. */
  readonly max: number;
  /** Monotonic clock in ms. */
  readonly now?: () => number;
  /** Called with a name that is no longer among the busiest. */
  readonly onEvicted?: (name: string) => void;
}

/** Scores decay with this half-life: a sliding window without storing its history. */
const HALF_LIFE_MS = 5 * 60_000;
const SELECTION_INTERVAL_MS = 60_000;
/** A selected name stays until another one is clearly busier, because each change costs Prometheus a series. */
const SELECTED_ADVANTAGE = 1.5;
/** Score below which a name is forgotten. */
const MIN_SCORE = 0.5;

/**
 * Selects the busiest of many names over the last minutes. While there is room, a name is selected on first use, and it
 * is evicted only for a busier one.
 */
export class TopK {
  private readonly scores = new Map<string, number>();
  private readonly selected = new Set<string>();
  private readonly max: number;
  private readonly now: () => number;
  private readonly onEvicted: (name: string) => void;
  private selectedAt: number;

  constructor({ max, now = () => performance.now(), onEvicted = () => undefined }: TopKOptions) {
    this.max = max;
    this.now = now;
    this.onEvicted = onEvicted;
    this.selectedAt = now();
  }

  /** Adds to a name's score. @returns whether the name is among the busiest */
  record(name: string, work: number): boolean {
    this.selectIfDue();
    if (work > 0) this.scores.set(name, (this.scores.get(name) ?? 0) + work);
    if (this.selected.size < this.max) this.selected.add(name);
    return this.selected.has(name);
  }

  private selectIfDue(): void {
    const elapsedMs = this.now() - this.selectedAt;
    if (elapsedMs < SELECTION_INTERVAL_MS) return;
    this.selectedAt += elapsedMs;
    this.decay(0.5 ** (elapsedMs / HALF_LIFE_MS));
    const ranked = [...new Set([...this.selected, ...this.scores.keys()])].toSorted(
      (a, b) => this.rank(b) - this.rank(a),
    );
    const best = new Set(ranked.slice(0, this.max));
    for (const name of this.selected) if (!best.has(name)) this.evict(name);
    for (const name of best) this.selected.add(name);
  }

  private decay(factor: number): void {
    for (const [name, score] of this.scores) {
      if (score * factor < MIN_SCORE) this.scores.delete(name);
      else this.scores.set(name, score * factor);
    }
  }

  private rank(name: string): number {
    return (this.scores.get(name) ?? 0) * (this.selected.has(name) ? SELECTED_ADVANTAGE : 1);
  }

  private evict(name: string): void {
    this.selected.delete(name);
    this.onEvicted(name);
  }
}
