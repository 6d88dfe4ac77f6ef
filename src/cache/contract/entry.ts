/** A cached value as both tiers store it. */
export interface Entry {
  readonly value: object;
  /** The subject whose changes outdate the value. */
  readonly subject: string;
  /** The subject's version that the value was read at. */
  readonly version: number;
  /** The point in the source's history that the value was read at; 0 when it is not known. */
  readonly sequence: number;
  /** The remaining time to live in ms. Each instance measures it with its own clock, from when it got the entry. */
  readonly ttlMs: number;
  /** The remaining time in ms that the value is valid, measured like `ttlMs`; absent when nothing ends it. */
  readonly validForMs?: number | undefined;
}
