import { Logger } from '@nestjs/common';
import type { Prefetched, Cache, CacheKind, Loaded, Loader } from '../contract/cache.js';
import { type CacheSnapshot, CacheStatistics } from '../contract/cache-statistics.js';
import { deepFreeze } from '../../platform/deep-freeze.js';
import { type Entry, remainingMs } from '../contract/entry.js';
import { KnownVersions } from './known-versions.js';
import { type HeldEntry, MemoryTier } from '../memory/memory-tier.js';
import type { RedisTier } from '../redis/redis-tier.js';
import { isOutage, type SourceResult, SourceLoader } from './source-loader.js';

export interface TieredCacheOptions {
  readonly ttlMs: number;
  /** How long an absence is remembered. */
  readonly absenceTtlMs: number;
  /** How long after its life an entry may be served when the truth cannot be asked. */
  readonly graceMs: number;
  readonly loadTimeoutMs: number;
  readonly maxEntries: number;
  /** Whether each hit and miss is worth a line (level debug). */
  readonly logsHits?: boolean;
  /** Milliseconds that never jump; only differences matter. */
  readonly now?: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock?: () => number;
  /** 0 to 1, for the jitter of lives. */
  readonly random?: () => number;
}

/** Lives end over a tenth of their length, so that what was loaded together is not loaded again together. */
const TTL_JITTER = 0.1;
/** How far the clocks of two instances may differ. What Redis holds from that long after we began to listen is trusted. */
const CLOCK_SKEW_MS = 5_000;
/** While changes may go unheard, what the truth says is believed for so long. */
const DEAF_TTL_MS = 250;
/** After the truth could not be asked, stale entries are served for so long before it is asked again. */
const STALE_PAUSE_MS = 1_000;
/** Who has something stale to serve does not wait longer than this for the truth. */
const STALE_WAIT_MS = 1_000;

/** Memory, then Redis, then the truth. */
export class TieredCache implements Cache {
  private readonly logger = new Logger('Cache');
  private readonly memory: MemoryTier;
  private readonly knownVersions = new KnownVersions(() => this.feedRestored());
  private readonly source: SourceLoader;
  private readonly inFlight = new Map<string, Promise<object | null>>();
  private readonly now: () => number;
  private readonly wallClock: () => number;
  private readonly random: () => number;
  private readonly logsHits: boolean;
  /** Raised whenever changes may have gone unheard; what was confirmed in an earlier spell is confirmed again. */
  private generation = 0;
  private isFeedConnected = false;
  /** Wall clock; what was loaded before is not taken from Redis. */
  private trustRedisFrom = Infinity;
  private sourceFailedAt = -Infinity;

  constructor(
    private readonly options: TieredCacheOptions,
    private readonly redis: RedisTier | undefined,
    readonly statistics = new CacheStatistics(),
  ) {
    this.memory = new MemoryTier(options.maxEntries);
    this.now = options.now ?? (() => performance.now());
    this.wallClock = options.wallClock ?? Date.now;
    this.random = options.random ?? Math.random;
    this.logsHits = options.logsHits ?? false;
    this.source = new SourceLoader(this.knownVersions, statistics, { now: this.now, wallClock: this.wallClock });
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
    this.knownVersions.note(subject, version);
  }

  forgetAbsence<T extends object>(kind: CacheKind<T>, keys: readonly string[]): void {
    for (const key of keys) {
      const name = `${kind.name}:${key}`;
      this.memory.forgetAbsence(name);
      this.inFlight.delete(name); // what it reads may be older than this: its callers get it, nobody else
    }
  }

  feedLost(): void {
    this.beginGeneration();
    this.isFeedConnected = false;
    this.trustRedisFrom = Infinity;
  }

  feedRestored(): void {
    // Said to one who listens already: something was heard that is not understood. Anything may be gone by now.
    if (this.isFeedConnected) this.memory.clear();
    this.beginGeneration();
    this.isFeedConnected = true;
    this.trustRedisFrom = this.wallClock() + CLOCK_SKEW_MS;
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
    this.inFlight.clear(); // they go on for those who wait already; whoever comes now starts anew
  }

  private isFresh({ entry, freshUntil, generation: spell }: HeldEntry, now: number): boolean {
    return (
      now < freshUntil && spell === this.generation && !this.knownVersions.isOutdated(entry.subject, entry.version)
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
    if (stale && this.now() - this.sourceFailedAt < STALE_PAUSE_MS) return this.serveStale(name, stale);
    const { generation: spell } = this;
    if (!this.redis || !this.trustsRedis) return this.loadOrStale(name, load, spell, isCurrent);
    const shared = await this.readRedis(kind, name);
    if (shared) return this.keep(name, shared, spell);
    return this.redis.onlyOneInstance(
      name,
      () => this.loadOrStale(name, load, spell, isCurrent),
      async () => {
        const loadedElsewhere = await this.readRedis(kind, name);
        return loadedElsewhere && this.keep(name, loadedElsewhere, spell);
      },
    );
  }

  private async loadOrStale<T extends object>(
    name: string,
    load: Loader<T>,
    generation: number,
    isCurrent: () => boolean,
  ): Promise<object | null> {
    this.statistics.misses += 1;
    if (this.logsHits) this.logger.debug(`Cache MISS ${name}`);
    const timeoutMs = this.staleValue(name) ? Math.min(STALE_WAIT_MS, this.options.loadTimeoutMs) : undefined;
    try {
      const reading = await this.source.read(name, load, timeoutMs ?? this.options.loadTimeoutMs);
      this.sourceAnswered();
      if (reading) {
        this.storePrefetched(reading, generation);
        return this.store(name, reading, generation);
      }
      if (isCurrent()) this.memory.setAbsent(name, this.now() + this.lifeMs(this.options.absenceTtlMs), generation);
      return null;
    } catch (error) {
      this.statistics.loadFailures += 1;
      const stale = isOutage(error) ? this.staleValue(name) : undefined;
      if (!stale) throw error;
      this.sourceFailed();
      return this.serveStale(name, stale);
    }
  }

  private sourceAnswered(): void {
    if (this.sourceFailedAt !== -Infinity) this.logger.log('The catalog answers again');
    this.sourceFailedAt = -Infinity;
  }

  private sourceFailed(): void {
    if (this.sourceFailedAt === -Infinity)
      this.logger.warn('The catalog cannot be asked: serving what was known of it');
    this.sourceFailedAt = this.now();
  }

  private store<T extends object>(name: string, reading: SourceResult<T>, generation: number): object {
    const { value, subject, version, noOlderThan, askedAt } = reading;
    const ttlMs = this.lifeMs(reading.ttlMs ?? this.options.ttlMs);
    const entry: Entry = { value: deepFreeze(value), subject, version: noOlderThan, loadedAt: askedAt, ttlMs };
    this.keep(name, entry, generation);
    // A version that went back is known to this instance only: others would hold the entry for newer than it is.
    const isShared = this.mayUseRedis && generation === this.generation && noOlderThan === version;
    if (isShared) void this.redis?.set(name, entry);
    return entry.value;
  }

  /** What is held is as good, and of what has changed since its own loader is asked. */
  private storePrefetched({ prefetched: along = [], askedAt }: SourceResult<object>, generation: number): void {
    const now = this.now();
    for (const { kind, key, read } of along) {
      const name = `${kind.name}:${key}`;
      const held = this.memory.get(name);
      if (held && this.isFresh(held, now)) continue;
      const loaded = whatIsReadable(read);
      if (!loaded || this.knownVersions.isOutdated(loaded.subject, loaded.version)) continue;
      this.store(name, { ...loaded, askedAt, noOlderThan: loaded.version }, generation);
    }
  }

  /** In memory, for what is left of its life. */
  private keep(name: string, entry: Entry, generation: number): object {
    const now = this.now();
    const life = this.isFeedConnected ? remainingMs(entry, this.wallClock()) : DEAF_TTL_MS;
    const staleUntil = now + remainingMs(entry, this.wallClock()) + this.options.graceMs;
    this.memory.set(name, { entry, freshUntil: now + life, staleUntil, generation: generation });
    return entry.value;
  }

  private get mayUseRedis(): boolean {
    return this.redis !== undefined && this.isFeedConnected;
  }

  /** Before, nothing that lies there would be taken. */
  private get trustsRedis(): boolean {
    return this.mayUseRedis && this.wallClock() >= this.trustRedisFrom;
  }

  private async readRedis<T extends object>(kind: CacheKind<T>, name: string): Promise<Entry | undefined> {
    if (!this.mayUseRedis) return undefined;
    const entry = await this.redis?.get(name, kind.schema);
    if (!entry) return undefined;
    const isOutdated = this.knownVersions.isOutdated(entry.subject, entry.version);
    if (isOutdated || !this.isFeedConnected || entry.loadedAt < this.trustRedisFrom) {
      this.statistics.redisOutdated += 1;
      // It would refuse its successor, when the key has become another subject's: a slug that was given away.
      if (isOutdated) void this.redis?.remove(name);
      return undefined;
    }
    if (remainingMs(entry, this.wallClock()) <= 0) return undefined;
    this.statistics.redisHits += 1;
    if (this.logsHits) this.logger.debug(`Cache HIT (redis) ${name}`);
    return entry;
  }

  /** What may be served when the truth cannot be asked: never what is known to have changed. */
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

  private lifeMs(wholeMs: number): number {
    return Math.floor(wholeMs * (1 - TTL_JITTER * this.random()));
  }
}

function whatIsReadable(read: Prefetched['read']): Loaded<object> | undefined {
  try {
    return read();
  } catch {
    return undefined; // whoever asks for it is told by its own loader
  }
}
