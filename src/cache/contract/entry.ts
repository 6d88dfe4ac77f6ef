/** A value as both tiers hold it. */
export interface Entry {
  readonly value: object;
  /** Whose changes make it out of date. */
  readonly subject: string;
  /** The subject's version that the value was read at. */
  readonly version: number;
  /** Wall clock of the instance that loaded it, in ms: other instances compare it with their own. */
  readonly loadedAt: number;
  /** How long it is good for from then on, in ms. */
  readonly ttlMs: number;
}

/** What is left of an entry's life, in ms; never more than its whole life, whatever the clocks say. */
export function remainingMs({ loadedAt, ttlMs }: Entry, wallClock: number): number {
  return Math.min(ttlMs, loadedAt + ttlMs - wallClock);
}
