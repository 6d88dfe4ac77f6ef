import { Logger } from '@nestjs/common';
import type { Prefetched, Cache, CacheKind, Loaded, Loader, SourcePoint } from '../contract/cache.js';
import { type CacheSnapshot, CacheStatistics } from '../contract/cache-statistics.js';
import { deepFreeze } from '../../platform/deep-freeze.js';
import type { Entry } from '../contract/entry.js';
import { KnownVersions } from './known-versions.js';
import { type MemoryEntry, MemoryTier } from '../memory/memory-tier.js';
import type { RedisTier } from '../redis/redis-tier.js';
import { isOutage, type SourceResult, SourceLoader } from './source-loader.js';

export interface TieredCacheOptions {
  readonly ttlMs: number;
  /** Time to live of a cached absence. */
  readonly absenceTtlMs: number;
  /** How long after its expiry an entry may be served while the source is unavailable. */
  readonly graceMs: number;
  readonly loadTimeoutMs: number;
  readonly maxEntries: number;
  /** Whether each hit and miss is logged (level debug). */
  readonly logsHits?: boolean;
  /** Monotonic milliseconds; only differences matter. */
  readonly now?: () => number;
  /** 0 to 1, for the TTL jitter. */
  readonly random?: () => number;
}

/** TTLs are shortened by up to a tenth, so that entries loaded together do not expire together. */
const TTL_JITTER = 0.1;
/** TTL while changes may be missed, and of what a server of another history returned. */
const UNANNOUNCED_TTL_MS = 250;
/** Redis is read when its typical answer takes no longer than this, however quick the source is. */
const QUICK_REDIS_MS = 20;
/** After a failed load, stale entries are served for this long before the source is tried again. */
const GRACE_BACKOFF_MS = 1_000;
/** Load timeout while a stale entry can be served instead. */
const SOFT_LOAD_TIMEOUT_MS = 1_000;

/** Memory, then Redis, then the source. */
export class TieredCache implements Cache {
  private readonly logger = new Logger('Cache');
  private readonly memory: MemoryTier;
  private readonly knownVersions = new KnownVersions(() => this.invalidateAll());
  private readonly source: SourceLoader;
  private readonly inFlight = new Map<string, Promise<object | null>>();
  private readonly now: () => number;
  private readonly random: () => number;
  private readonly logsHits: boolean;
  /** Incremented whenever changes may have been missed; older entries are revalidated. */
  private generation = 0;
  private isFeedConnected = false;
  /** The history that changes were last announced in. */
  private history: string | undefined;
  /** Redis entries read up to this point of `history` are not trusted; undefined: none is. */
  private trustedAfter: number | undefined;
  /** Results of loads that began in earlier generations are not kept, not even to be served stale. */
  private oldestGeneration = 0;
  private sourceFailedAt = -Infinity;

  constructor(
    private readonly options: TieredCacheOptions,
    private readonly redis: RedisTier | undefined,
    readonly statistics = new CacheStatistics(),
  ) {
    this.memory = new MemoryTier(options.maxEntries);
    this.now = options.now ?? (() => performance.now());
    this.random = options.random ?? Math.random;
    this.logsHits = options.logsHits ?? false;
    this.source = new SourceLoader(this.knownVersions, statistics, this.now);
  }

  peek<T extends object>(kind: CacheKind<T>, key: string): T | null | undefined {
    const name = `${kind.name}:${key}`;
    const now = this.now();
    const held = this.memory.get(name);
    if (held && this.isFresh(held, now)) return this.hit(name, held.entry.value as T);
    if (!held && this.memory.isAbsent(name, now, this.generation)) return this.hit(name, null);
    return undefined;
  }

  async getOrLoad<T extends object>(kind: CacheKind<T>, key: string, load: Loader<T>): Promise<T | null> {
    const held = this.peek(kind, key);
    if (held !== undefined) return held;
    const name = `${kind.name}:${key}`;
    const running = this.inFlight.get(name) ?? this.startLoad(kind, name, load);
    return (await running) as T | null;
  }

  observeVersion(subject: string, version: number): void {
    this.knownVersions.observe(subject, version);
  }

  forgetAbsence<T extends object>(kind: CacheKind<T>, keys: readonly string[]): void {
    for (const key of keys) {
      const name = `${kind.name}:${key}`;
      this.memory.forgetAbsence(name);
      this.inFlight.delete(name); // its result may predate the change: current waiters get it, new callers do not
    }
  }

  feedLost(): void {
    this.beginGeneration();
    this.isFeedConnected = false;
  }

  feedRestored(since: SourcePoint): void {
    const isOtherHistory = this.history !== undefined && since.history !== this.history;
    if (isOtherHistory) this.invalidateAll();
    else this.beginGeneration();
    if (isOtherHistory) this.knownVersions.clear(); // nothing is left that they could be compared with
    this.isFeedConnected = true;
    this.history = since.history;
    this.trustedAfter = since.sequence;
  }

  invalidateAll(): void {
    this.memory.clear();
    this.beginGeneration();
    this.oldestGeneration = this.generation;
    this.trustedAfter = undefined; // until a load of this generation gives a point
  }

  async clear(): Promise<void> {
    this.beginGeneration();
    this.memory.clear();
    await this.redis?.clear();
  }

  async reEncryptEntries(signal?: AbortSignal): Promise<number | undefined> {
    return this.redis ? this.redis.reEncryptEntries(signal) : 0;
  }

  snapshot(): CacheSnapshot {
    const redisBreaker = this.redis?.breakerState ?? 'off';
    return { ...this.statistics, entries: this.memory.size, redisConnected: this.redis?.isConnected, redisBreaker };
  }

  private beginGeneration(): void {
    this.generation += 1;
    this.inFlight.clear(); // in-flight loads still serve current waiters; new callers start a fresh load
  }

  private isFresh({ entry, freshUntil, generation }: MemoryEntry, now: number): boolean {
    return (
      now < freshUntil && generation === this.generation && !this.knownVersions.isOutdated(entry.subject, entry.version)
    );
  }

  private hit<T>(name: string, value: T): T {
    this.statistics.memoryHits += 1;
    if (this.logsHits) this.logger.debug(`Cache HIT (memory) ${name}`);
    return value;
  }

  private startLoad<T extends object>(kind: CacheKind<T>, name: string, load: Loader<T>): Promise<object | null> {
    const isCurrent = (): boolean => this.inFlight.get(name) === running;
    const running: Promise<object | null> = this.load(kind, name, load, isCurrent).finally(() => {
      if (isCurrent()) this.inFlight.delete(name);
    });
    this.inFlight.set(name, running);
    return running;
  }

  private async load<T extends object>(
    kind: CacheKind<T>,
    name: string,
    load: Loader<T>,
    isCurrent: () => boolean,
  ): Promise<object | null> {
    const stale = this.staleValue(name);
    if (stale && this.now() - this.sourceFailedAt < GRACE_BACKOFF_MS) return this.serveStale(name, stale);
    const { generation } = this;
    const key = this.redisKey(name);
    if (!this.redis || key === undefined || this.trustedAfter === undefined || !this.isRedisQuick(this.redis)) {
      return this.loadOrStale(name, load, generation, isCurrent);
    }
    const readShared = async (): Promise<object | undefined> => {
      const entry = await this.readRedis(kind, name, key);
      return entry && this.storeInMemory(name, entry, { generation });
    };
    const shared = await readShared();
    if (shared) return shared;
    return this.redis.loadExclusively(key, () => this.loadOrStale(name, load, generation, isCurrent), readShared);
  }

  private async loadOrStale<T extends object>(
    name: string,
    load: Loader<T>,
    generation: number,
    isCurrent: () => boolean,
  ): Promise<object | null> {
    this.statistics.misses += 1;
    if (this.logsHits) this.logger.debug(`Cache MISS ${name}`);
    const { loadTimeoutMs, absenceTtlMs } = this.options;
    const timeoutMs = this.staleValue(name) ? Math.min(SOFT_LOAD_TIMEOUT_MS, loadTimeoutMs) : loadTimeoutMs;
    try {
      const result = await this.source.load(name, load, timeoutMs);
      this.sourceRecovered();
      if (result) {
        this.storePrefetched(result, generation);
        return this.store(name, result, generation);
      }
      if (isCurrent()) this.memory.setAbsent(name, this.now() + this.jittered(absenceTtlMs), generation);
      return null;
    } catch (error) {
      this.statistics.loadFailures += 1;
      const stale = isOutage(error) ? this.staleValue(name) : undefined;
      if (!stale) throw error;
      this.sourceFailed();
      return this.serveStale(name, stale);
    }
  }

  private sourceRecovered(): void {
    if (this.sourceFailedAt !== -Infinity) this.logger.log('Catalog available again');
    this.sourceFailedAt = -Infinity;
  }

  private sourceFailed(): void {
    if (this.sourceFailedAt === -Infinity) this.logger.warn('Catalog unavailable: serving stale entries');
    this.sourceFailedAt = this.now();
  }

  private store<T extends object>(name: string, result: SourceResult<T>, generation: number): object {
    const { value, subject, version, effectiveVersion, requestedAt, readAt } = result;
    const ageMs = this.now() - requestedAt;
    const validForMs = result.validForMs === undefined ? undefined : result.validForMs - ageMs;
    const wholeTtlMs = this.jittered(result.ttlMs ?? this.options.ttlMs);
    const ttlMs = Math.min(wholeTtlMs - ageMs, validForMs ?? Infinity);
    const sequence = readAt?.sequence ?? 0;
    const entry: Entry = { value: deepFreeze(value), subject, version: effectiveVersion, sequence, ttlMs, validForMs };
    const isOfHistory = readAt === undefined || readAt.history === this.history;
    this.storeInMemory(name, entry, { generation, isAnnounced: isOfHistory });
    const isOver = ttlMs < 1; // Redis counts whole milliseconds, and refuses 0
    if (!readAt || !isOfHistory || generation !== this.generation || isOver) return entry.value;
    this.trustedAfter ??= readAt.sequence;
    const key = this.redisKey(name);
    // Only this instance knows that the version went back: others would take the entry for newer than it is.
    if (key !== undefined && effectiveVersion === version) void this.redis?.set(key, entry);
    return entry.value;
  }

  /**
   * Skips entries that are already fresh in memory, and those whose subject has changed since: their own loader runs.
   */
  private storePrefetched({ prefetched = [], requestedAt }: SourceResult<object>, generation: number): void {
    const now = this.now();
    for (const { kind, key, read } of prefetched) {
      const name = `${kind.name}:${key}`;
      const held = this.memory.get(name);
      if (held && this.isFresh(held, now)) continue;
      const loaded = readIfPossible(read);
      if (!loaded || this.knownVersions.isOutdated(loaded.subject, loaded.version)) continue;
      this.store(name, { ...loaded, requestedAt, effectiveVersion: loaded.version }, generation);
    }
  }

  /** @param isAnnounced whether changes of the value are announced to this instance, while it is connected to the feed */
  private storeInMemory(
    name: string,
    entry: Entry,
    { generation, isAnnounced = true }: { readonly generation: number; readonly isAnnounced?: boolean },
  ): object {
    if (generation < this.oldestGeneration) return entry.value;
    const now = this.now();
    const { ttlMs, validForMs = Infinity } = entry;
    const freshMs = Math.min(this.isFeedConnected && isAnnounced ? ttlMs : UNANNOUNCED_TTL_MS, validForMs);
    const staleUntil = now + Math.min(ttlMs + this.options.graceMs, validForMs);
    this.memory.set(name, { entry, freshUntil: now + freshMs, staleUntil, generation });
    return entry.value;
  }

  /** Undefined while Redis must not be used. Entries of one history are apart from those of others, and expire there. */
  private redisKey(name: string): string | undefined {
    return this.isFeedConnected && this.history !== undefined ? `${this.history}:${name}` : undefined;
  }

  /** Reading from a Redis that is slower than the source would only add to the time of the load. */
  private isRedisQuick({ typicalMs }: RedisTier): boolean {
    return typicalMs <= Math.max(QUICK_REDIS_MS, this.source.typicalMs / 2); // a miss needs two of its answers
  }

  private async readRedis<T extends object>(kind: CacheKind<T>, name: string, key: string): Promise<Entry | undefined> {
    const entry = await this.redis?.get(key, kind.schema);
    if (!entry) return undefined;
    const isOutdated = this.knownVersions.isOutdated(entry.subject, entry.version);
    const isTrusted = key === this.redisKey(name) && entry.sequence > (this.trustedAfter ?? Infinity);
    if (isOutdated || !isTrusted) {
      this.statistics.redisOutdated += 1;
      // Left in place, it could block its successor when the key now belongs to another subject: a reassigned slug.
      if (isOutdated) void this.redis?.remove(key);
      return undefined;
    }
    this.statistics.redisHits += 1;
    if (this.logsHits) this.logger.debug(`Cache HIT (redis) ${name}`);
    return entry;
  }

  /** The value that may be served while the source is unavailable: never one that is known to have changed. */
  private staleValue(name: string): object | undefined {
    const held = this.memory.get(name);
    if (!held || this.now() >= held.staleUntil) return undefined;
    return this.knownVersions.isOutdated(held.entry.subject, held.entry.version) ? undefined : held.entry.value;
  }

  private serveStale(name: string, value: object): object {
    this.statistics.stale += 1;
    if (this.logsHits) this.logger.debug(`Cache HIT (stale) ${name}`);
    return value;
  }

  private jittered(ttlMs: number): number {
    return Math.floor(ttlMs * (1 - TTL_JITTER * this.random()));
  }
}

function readIfPossible(read: Prefetched['read']): Loaded<object> | undefined {
  try {
    return read();
  } catch {
    return undefined; // a request for this key gets the error from its own loader
  }
}
