import { z } from 'zod';
import type { CacheKind, Loaded, Loader, SourcePoint } from '../../../src/cache/contract/cache.js';
import { CacheStatistics } from '../../../src/cache/contract/cache-statistics.js';
import { openRedisTier } from '../../../src/cache/redis/open-redis-tier.js';
import type { RedisTier } from '../../../src/cache/redis/redis-tier.js';
import { TieredCache, type TieredCacheOptions } from '../../../src/cache/tiers/tiered-cache.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { KeyRing } from '../../../src/platform/encryption/key-ring.js';

export interface Item {
  readonly text: string;
}

export const ITEM: CacheKind<Item> = { name: 'item', schema: z.strictObject({ text: z.string() }) };

export const OPTIONS: TieredCacheOptions = {
  ttlMs: 60_000,
  absenceTtlMs: 5_000,
  graceMs: 600_000,
  loadTimeoutMs: 5_000,
  maxEntries: 1_000,
  random: () => 0,
};

/** A clock that stands still until a test advances it. */
export class StoppedClock {
  private elapsedMs = 0;

  readonly now = (): number => this.elapsedMs;

  advance(ms: number): void {
    this.elapsedMs += ms;
  }
}

/** The machine's clock, ahead by as much as a test has advanced it. */
export class ShiftedClock {
  private shiftMs = 0;

  readonly now = (): number => performance.now() + this.shiftMs;

  advance(ms: number): void {
    this.shiftMs += ms;
  }
}

/** The source behind a cache: it can be slow, fail and change unannounced, and counts its loads. */
export class Truth {
  asked = 0;
  failure: Error | undefined;
  /** Another one begins when changes are lost. */
  history = 'h1';
  private sequence = 0;
  private readonly rows = new Map<string, Loaded<Item>>();
  private gate: Promise<void> | undefined;
  private open: (() => void) | undefined;

  /** A point below every later load, and above every earlier one. */
  mark(): SourcePoint {
    this.sequence += 1;
    return { history: this.history, sequence: this.sequence };
  }

  /** @returns the new version of the row */
  write(key: string, text: string, more: Partial<Loaded<Item>> = {}): number {
    const version = more.version ?? (this.rows.get(key)?.version ?? 0) + 1;
    this.rows.set(key, { value: { text }, subject: `subject:${key}`, version, ...more });
    return version;
  }

  /** @returns the version that announces its deletion */
  remove(key: string): number {
    const version = (this.rows.get(key)?.version ?? 0) + 1;
    this.rows.delete(key);
    return version;
  }

  /** Later loads read their row at once and return it after `release`. */
  hold(): void {
    this.gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  release(): void {
    this.open?.();
    this.passOthers();
  }

  /** Later loads return at once; the held ones still wait for `release`. */
  passOthers(): void {
    this.gate = undefined;
  }

  loader(key: string): Loader<Item> {
    return async () => {
      this.asked += 1;
      const row = this.rows.get(key);
      const readAt = { history: this.history, sequence: this.sequence + 1 };
      await this.gate;
      if (this.failure) throw this.failure;
      return row ? { readAt, ...row, value: { ...row.value } } : null;
    };
  }
}

const KEY_RING = new KeyRing({
  security: { encryptionKeys: [{ id: 'test', key: Buffer.alloc(32, 7) }] },
} as unknown as AppConfig);

export function testKeyRing(): KeyRing {
  return KEY_RING;
}

export type RedisSettings = Partial<AppConfig['cache']['redis']> & { softTimeoutMs?: number };

/** For tests that count loads: on a busy machine, callers must not stop waiting for Redis and load by themselves. */
export const PATIENT = { softTimeoutMs: 10_000 };

/** Connects in the background, as the application does. */
export async function openTier(
  { softTimeoutMs, ...redis }: RedisSettings,
  statistics = new CacheStatistics(),
): Promise<RedisTier> {
  const all = {
    ...{ url: undefined, host: '127.0.0.1', port: 6379, password: undefined, db: 0, tls: false, keyPrefix: 'test' },
    ...{ sentinels: [], sentinelMaster: 'mymaster', clusterNodes: [] },
    ...redis,
  };
  const tier = await openRedisTier(
    { cache: { redisEnabled: true, redis: all } } as unknown as AppConfig,
    KEY_RING,
    statistics,
    { softTimeoutMs },
  );
  if (!tier) throw new Error('the Redis packages are not installed');
  return tier;
}

/** The cache of one instance, with its source. */
export class CacheInstance {
  private constructor(
    readonly cache: TieredCache,
    readonly truth: Truth,
    readonly clock: StoppedClock | ShiftedClock,
    readonly tier: RedisTier | undefined,
  ) {}

  static async open({
    truth = new Truth(),
    clock = new StoppedClock(),
    redis,
    options = {},
  }: {
    truth?: Truth;
    clock?: StoppedClock | ShiftedClock;
    redis?: RedisSettings | undefined;
    options?: Partial<TieredCacheOptions>;
  } = {}): Promise<CacheInstance> {
    const statistics = new CacheStatistics();
    const tier = redis && (await openTier(redis, statistics));
    const cache = new TieredCache({ ...OPTIONS, now: clock.now, ...options }, tier, statistics);
    return new CacheInstance(cache, truth, clock, tier);
  }

  /** Connects to the change feed. */
  listen(): this {
    this.cache.feedRestored(this.truth.mark());
    return this;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.cache.getOrLoad(ITEM, key, this.truth.loader(key)))?.text;
  }

  /** Changes the row and announces the change. */
  change(key: string, text: string): void {
    this.cache.observeVersion(`subject:${key}`, this.truth.write(key, text));
    this.cache.forgetAbsence(ITEM, [key]);
  }

  close(): void {
    this.tier?.close();
  }
}
