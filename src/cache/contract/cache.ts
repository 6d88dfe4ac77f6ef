import type { z } from 'zod';
import type { CacheSnapshot } from './cache-statistics.js';

/** Injection token of the process's cache. */
export const CACHE = Symbol('CACHE');

/** One sort of thing that is cached: its keys' prefix, and what a value read back from Redis must look like. */
export interface CacheKind<T extends object> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
}

/** What a loader found, with the subject whose changes make it out of date and that subject's version. */
export interface Loaded<T extends object> {
  readonly value: T;
  readonly subject: string;
  readonly version: number;
  /** How long it is good for, in ms; the cache's default unless given. */
  readonly ttlMs?: number | undefined;
  /** What was read in the same moment, and will be asked for next. */
  readonly prefetched?: readonly Prefetched[];
}

/** Something else that a loader read, under its own key. */
export interface Prefetched {
  readonly kind: CacheKind<object>;
  readonly key: string;
  /** What it throws keeps this out of the cache: whoever asks for it is told by its own loader. */
  readonly read: () => Loaded<object>;
}

/** Asks the truth as it is when called, or later; null means that the thing does not exist, which is remembered for a shorter time. */
export type Loader<T extends object> = () => Promise<Loaded<T> | null>;

/**
 * A read-through cache over a slower truth that announces its changes. Values are frozen.
 *
 * Two rules keep it right whatever happens to its tiers: nothing is taken that is older than the newest version heard of
 * its subject, and nothing from Redis that was put there before this instance began to listen.
 */
export interface Cache {
  /** What memory holds for the key right now; null when it is known not to exist, undefined on a miss. */
  peek<T extends object>(kind: CacheKind<T>, key: string): T | null | undefined;
  /**
   * What is held for the key, or what the loader answers. Callers of one key share one running load; a failed load
   * reaches all of them and is not remembered.
   *
   * @throws what the loader throws, or LoadTimeoutError, unless something stale may be served instead
   */
  getOrLoad<T extends object>(kind: CacheKind<T>, key: string, load: Loader<T>): Promise<T | null>;
  /** A subject has changed: what is older than this version is not served any more. */
  observeVersion(subject: string, version: number): void;
  /** Something of these names may exist now: that it did not is forgotten. */
  forgetAbsence<T extends object>(kind: CacheKind<T>, keys: readonly string[]): void;
  /** Changes may go unheard from now on: what is held is confirmed by the truth before it is served. */
  feedLost(): void;
  /**
   * Changes are heard (again): what was held until now is confirmed once, and Redis is used for what comes later. Said to
   * one that listens already, it means that anything may have changed: nothing that is held may be served any more.
   */
  feedRestored(): void;
  /** What it has done since the start. */
  snapshot(): CacheSnapshot;
  /**
   * Seals what Redis holds anew where an older key sealed it, so that the key can be given up. In the background: it
   * takes nothing away from those who read.
   *
   * @returns how many entries were sealed anew, 0 without Redis; undefined when Redis was away before all were looked at
   * @throws the signal's reason
   */
  reEncryptEntries(signal?: AbortSignal): Promise<number | undefined>;
  /** Forgets everything of ours, in Redis too. */
  clear(): Promise<void>;
}
