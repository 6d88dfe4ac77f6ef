/** Injection token of the process's cache. */
export const CACHE = Symbol('CACHE');

/** A loader's answer; `null` means that the thing does not exist, which is remembered for a shorter time. */
export type Loader<T> = () => Promise<T | null>;

/** A read-through cache over a slower truth. Values are frozen and never `undefined`. */
export interface Cache {
  /** What is held for the key right now, without loading; `undefined` on a miss. */
  peek<T extends object>(key: string): T | null | undefined;
  /**
   * What is held for the key, or what the loader answers. Callers of one key share one running load; a failed load
   * reaches all of them and is not remembered.
   */
  getOrLoad<T extends object>(key: string, load: Loader<T>): Promise<T | null>;
  /** Forgets the key. A load that is running now answers its callers but is not kept. */
  delete(key: string): void;
  /** Forgets everything. */
  clear(): void;
}
