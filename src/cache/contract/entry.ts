/** A cached value as both tiers store it. */
export interface Entry {
  readonly value: object;
  /** The subject whose changes outdate the value. */
  readonly subject: string;
  /** The subject's version that the value was read at. */
  readonly version: number;
  /** Wall clock of the loading instance, in ms: other instances compare it with their own. */
  readonly loadedAt: number;
  /** Time to live from `loadedAt`, in ms. */
  readonly ttlMs: number;
}

/** The remaining time to live in ms; never more than the whole of it, however far the clocks differ. */
export function remainingMs({ loadedAt, ttlMs }: Entry, wallClock: number): number {
  return Math.min(ttlMs, loadedAt + ttlMs - wallClock);
}
