import { Logger } from '@nestjs/common';
import type { Cache, CacheKind, Loaded, Loader } from './cache.js';
import { LoadTimeoutError } from './cache.errors.js';
import { type CacheSnapshot, CacheStatistics } from './cache-statistics.js';
import { DeadlineError, withDeadline } from './deadline.js';
import { deepFreeze } from '../config/deep-freeze.js';
import { type Entry, remainingMs } from './entry.js';
import { HeardVersions } from './heard-versions.js';
import { type HeldEntry, MemoryTier } from './memory/memory-tier.js';
import type { RedisTier } from './redis/redis-tier.js';

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
/** A change may overtake a load; so often it is loaded again before what was read is given to those who wait. */
const RELOADS = 3;

/** Memory, then Redis, then the truth. */
export class TieredCache implements Cache {
  private readonly logger = new Logger('Cache');
  private readonly memory: MemoryTier;
  private readonly heardVersions = new HeardVersions(() => this.listening());
  private readonly flights = new Map<string, Promise<object | null>>();
  private readonly now: () => number;
  private readonly wallClock: () => number;
  private readonly random: () => number;
  private readonly logsHits: boolean;
  /** Raised whenever changes may have gone unheard; what was confirmed in an earlier spell is confirmed again. */
  private spell = 0;
  private isListening = false;
  /** Wall clock; what was loaded before is not taken from Redis. */
  private trustRedisFrom = Infinity;
  private truthFailedAt = -Infinity;

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
  }

  peek<T extends object>(kind: CacheKind<T>, key: string): T | null | undefined {
    const name = `${kind.name}:${key}`;
    const now = this.now();
    const held = this.memory.get(name);
    if (held && this.isFresh(held, now)) return this.hit(name, held.entry.value as T);
    if (!held && this.memory.isAbsent(name, now, this.spell)) return this.hit(name, null);
    return undefined;
  }

  async getOrLoad<T extends object>(kind: CacheKind<T>, key: string, load: Loader<T>): Promise<T | null> {
    const held = this.peek(kind, key);
    if (held !== undefined) return held;
    const name = `${kind.name}:${key}`;
    const running = this.flights.get(name) ?? this.startFlight(kind, name, load);
    return (await running) as T | null;
  }

  heard(subject: string, version: number): void {
    this.heardVersions.note(subject, version);
  }

  appeared<T extends object>(kind: CacheKind<T>, keys: readonly string[]): void {
    for (const key of keys) {
      const name = `${kind.name}:${key}`;
      this.memory.forgetAbsence(name);
      this.flights.delete(name); // what it reads may be older than this: its callers get it, nobody else
    }
  }

  deaf(): void {
    this.spell += 1;
    this.isListening = false;
    this.trustRedisFrom = Infinity;
  }

  listening(): void {
    this.spell += 1;
    this.isListening = true;
    this.trustRedisFrom = this.wallClock() + CLOCK_SKEW_MS;
  }

  async clear(): Promise<void> {
    this.spell += 1;
    this.memory.clear();
    await this.redis?.clear();
  }

  snapshot(): CacheSnapshot {
    const redisBreaker = this.redis?.breakerState ?? 'off';
    return { ...this.statistics, entries: this.memory.size, redisConnected: this.redis?.isConnected, redisBreaker };
  }

  private isFresh({ entry, freshUntil, spell }: HeldEntry, now: number): boolean {
    return now < freshUntil && spell === this.spell && !this.heardVersions.isOutdated(entry.subject, entry.version);
  }

  private hit<T>(name: string, value: T): T {
    this.statistics.memoryHits += 1;
    if (this.logsHits) this.logger.debug(`Cache HIT (memory) ${name}`);
    return value;
  }

  private startFlight<T extends object>(kind: CacheKind<T>, name: string, load: Loader<T>): Promise<object | null> {
    const isCurrent = (): boolean => this.flights.get(name) === running;
    const running: Promise<object | null> = this.fly(kind, name, load, isCurrent).finally(() => {
      if (isCurrent()) this.flights.delete(name);
    });
    this.flights.set(name, running);
    return running;
  }

  private async fly<T extends object>(
    kind: CacheKind<T>,
    name: string,
    load: Loader<T>,
    isCurrent: () => boolean,
  ): Promise<object | null> {
    const stale = this.staleValue(name);
    if (stale && this.now() - this.truthFailedAt < STALE_PAUSE_MS) return this.serveStale(name, stale);
    const { spell } = this;
    const shared = await this.readRedis(kind, name);
    if (shared) return this.keep(name, shared, spell);
    if (!this.redis || !this.mayUseRedis) return this.loadOrStale(name, load, spell, isCurrent);
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
    spell: number,
    isCurrent: () => boolean,
  ): Promise<object | null> {
    this.statistics.misses += 1;
    if (this.logsHits) this.logger.debug(`Cache MISS ${name}`);
    try {
      const loaded = await this.loadUntilCurrent(name, load);
      this.truthFailedAt = -Infinity;
      if (loaded) return this.store(name, loaded, spell);
      if (isCurrent()) this.memory.setAbsent(name, this.now() + this.lifeMs(this.options.absenceTtlMs), spell);
      return null;
    } catch (error) {
      this.statistics.loadFailures += 1;
      const stale = this.staleValue(name);
      if (!stale) throw error;
      if (this.truthFailedAt === -Infinity)
        this.logger.warn('The catalog cannot be asked: serving what was known of it');
      this.truthFailedAt = this.now();
      return this.serveStale(name, stale);
    }
  }

  /** Loads again when a change was heard meanwhile that what was read does not have. */
  private async loadUntilCurrent<T extends object>(name: string, load: Loader<T>): Promise<Loaded<T> | null> {
    for (let attempt = 1; ; attempt += 1) {
      const loaded = await this.timedLoad(name, load);
      if (!loaded || attempt === RELOADS) return loaded;
      if (!this.heardVersions.isOutdated(loaded.subject, loaded.version)) return loaded;
    }
  }

  private async timedLoad<T extends object>(name: string, load: Loader<T>): Promise<Loaded<T> | null> {
    const startedAt = this.now();
    this.statistics.loads += 1;
    try {
      return await withDeadline(load(), this.options.loadTimeoutMs);
    } catch (error) {
      throw error instanceof DeadlineError ? new LoadTimeoutError(name) : error;
    } finally {
      this.statistics.loadMs += this.now() - startedAt;
    }
  }

  private store<T extends object>(name: string, { value, subject, version }: Loaded<T>, spell: number): object {
    const ttlMs = this.lifeMs(this.options.ttlMs);
    const entry: Entry = { value: deepFreeze(value), subject, version, loadedAt: this.wallClock(), ttlMs };
    this.keep(name, entry, spell);
    if (this.mayUseRedis && spell === this.spell) void this.redis?.set(name, entry);
    return entry.value;
  }

  /** In memory, for what is left of its life. */
  private keep(name: string, entry: Entry, spell: number): object {
    const now = this.now();
    const life = this.isListening ? remainingMs(entry, this.wallClock()) : DEAF_TTL_MS;
    const staleUntil = now + remainingMs(entry, this.wallClock()) + this.options.graceMs;
    this.memory.set(name, { entry, freshUntil: now + life, staleUntil, spell });
    return entry.value;
  }

  private get mayUseRedis(): boolean {
    return this.redis !== undefined && this.isListening;
  }

  private async readRedis<T extends object>(kind: CacheKind<T>, name: string): Promise<Entry | undefined> {
    if (!this.mayUseRedis) return undefined;
    const entry = await this.redis?.get(name, kind.schema);
    if (!entry) return undefined;
    const isTrusted = this.isListening && entry.loadedAt >= this.trustRedisFrom;
    if (!isTrusted || this.heardVersions.isOutdated(entry.subject, entry.version)) {
      this.statistics.redisOutdated += 1;
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
    return this.heardVersions.isOutdated(held.entry.subject, held.entry.version) ? undefined : held.entry.value;
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
