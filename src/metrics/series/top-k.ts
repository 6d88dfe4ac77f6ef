export interface BusiestOptions {
  /** How many names are chosen. */
  readonly most: number;
  /** Milliseconds; only differences matter. */
  readonly now?: () => number;
  /** Told of a name that is not among the busiest any more. */
  readonly onLeave?: (name: string) => void;
}

/** Work counts half after so long: the window over which busy is meant, without a store for each minute of it. */
const HALF_LIFE_MS = 5 * 60_000;
const CHOICE_MS = 60_000;
/** A name that is chosen stays until another one is clearly busier: each change costs Prometheus a series. */
const PREFERENCE = 1.5;
/** What is left of a name's work when it is forgotten. */
const NEGLIGIBLE = 0.5;

/**
 * Chooses the busiest of many names over the last minutes. While there is room a name is chosen at its first work, and
 * nobody leaves before somebody busier needs the place.
 */
export class TopK {
  private readonly scores = new Map<string, number>();
  private readonly chosen = new Set<string>();
  private readonly most: number;
  private readonly now: () => number;
  private readonly onLeave: (name: string) => void;
  private chosenAt: number;

  constructor({ most, now = () => performance.now(), onLeave = () => undefined }: BusiestOptions) {
    this.most = most;
    this.now = now;
    this.onLeave = onLeave;
    this.chosenAt = now();
  }

  /** Counts work of a name, and tells whether it is among the busiest. */
  note(name: string, work: number): boolean {
    this.chooseInTime();
    if (work > 0) this.scores.set(name, (this.scores.get(name) ?? 0) + work);
    if (this.chosen.size < this.most) this.chosen.add(name);
    return this.chosen.has(name);
  }

  private chooseInTime(): void {
    const elapsedMs = this.now() - this.chosenAt;
    if (elapsedMs < CHOICE_MS) return;
    this.chosenAt += elapsedMs;
    this.decay(0.5 ** (elapsedMs / HALF_LIFE_MS));
    const ranked = [...new Set([...this.chosen, ...this.scores.keys()])].toSorted(
      (a, b) => this.rank(b) - this.rank(a),
    );
    const best = new Set(ranked.slice(0, this.most));
    for (const name of this.chosen) if (!best.has(name)) this.leave(name);
    for (const name of best) this.chosen.add(name);
  }

  private decay(factor: number): void {
    for (const [name, score] of this.scores) {
      if (score * factor < NEGLIGIBLE) this.scores.delete(name);
      else this.scores.set(name, score * factor);
    }
  }

  private rank(name: string): number {
    return (this.scores.get(name) ?? 0) * (this.chosen.has(name) ? PREFERENCE : 1);
  }

  private leave(name: string): void {
    this.chosen.delete(name);
    this.onLeave(name);
  }
}
