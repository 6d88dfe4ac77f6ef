import type { z } from 'zod';
import type { CacheSnapshot } from './cache-statistics.js';

/** Injection token of the process's cache. */
export const CACHE = Symbol.for('tenantry/CACHE');

/** A kind of cached value: its key prefix, and the schema that a value read back from Redis must satisfy. */
export interface CacheKind<T extends object> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
}

/**
 * A point in the source's history. Two points are comparable within one history only: another one begins when the source
 * may have lost changes.
 */
export interface SourcePoint {
  readonly history: string;
  /** Of two reads of one history, the one with the higher number saw everything that the other one saw. */
  readonly sequence: number;
}

/** A loader's result, with the subject whose changes outdate it and the subject's version at the time of the read. */
export interface Loaded<T extends object> {
  readonly value: T;
  readonly subject: string;
  readonly version: number;
  /** When it was read. Without it the value is not shared with other instances. */
  readonly readAt?: SourcePoint | undefined;
  /** Time to live in ms; the cache's default when absent. */
  readonly ttlMs?: number | undefined;
  /** How long the value stays valid, by the source's clock, in ms: it is not served longer, not even stale. */
  readonly validForMs?: number | undefined;
  /** Related entries loaded by the same query, to be cached too. */
  readonly prefetched?: readonly Prefetched[];
}

/** A related entry that a loader has read, under its own key. */
export interface Prefetched {
  readonly kind: CacheKind<object>;
  readonly key: string;
  /** When it throws, the entry is not cached; a request for the key gets the error from its own loader. */
  readonly read: () => Loaded<object>;
}

/**
 * Reads the source in its state at the time of the call, or later. Null means that the value does not exist; an absence
 * is cached for a shorter time.
 */
export type Loader<T extends object> = () => Promise<Loaded<T> | null>;

/**
 * A read-through cache over a slower source that announces its changes. Values are frozen.
 *
 * Two rules keep it correct whatever happens to its tiers: an entry older than the newest announced version of its
 * subject is never served, and neither is a Redis entry that was read before this instance received changes, or from
 * another history of the source. No clock of another machine takes part.
 */
export interface Cache {
  /** The value in memory: null when it is known not to exist, undefined on a miss. */
  peek<T extends object>(kind: CacheKind<T>, key: string): T | null | undefined;
  /**
   * The cached value, or the loader's. Concurrent callers of one key share one load; a failed load rejects all of them
   * and is not cached.
   *
   * @throws the loader's error or LoadTimeoutError, unless a stale value may be served instead
   */
  getOrLoad<T extends object>(kind: CacheKind<T>, key: string, load: Loader<T>): Promise<T | null>;
  /** A change of the subject was announced: entries older than it are no longer served, whatever their version. */
  observeVersion(subject: string, version: number): void;
  /** Values may exist under these keys now: cached absences are dropped. */
  forgetAbsence<T extends object>(kind: CacheKind<T>, keys: readonly string[]): void;
  /** Changes may be missed from now on: entries are revalidated against the source before they are served. */
  feedLost(): void;
  /**
   * Changes are received (again): entries from before are revalidated once, and Redis is used for later ones. Those of another
   * history are dropped.
   *
   * @param since changes that a read beyond this point may have missed are announced
   */
  feedRestored(since: SourcePoint): void;
  /** Anything may have changed: no entry from before is served, not even a stale one while the source is down. */
  invalidateAll(): void;
  /** Counts since the start. */
  snapshot(): CacheSnapshot;
  /**
   * Re-encrypts Redis entries that were encrypted with an older key, so that the key can be retired. Runs in the
   * background; readers are not affected.
   *
   * @returns the number of re-encrypted entries, 0 without Redis; undefined when Redis failed before all were checked
   * @throws the signal's reason
   */
  reEncryptEntries(signal?: AbortSignal): Promise<number | undefined>;
  /** Removes every entry, also from Redis. */
  clear(): Promise<void>;
}
