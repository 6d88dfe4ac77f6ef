import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cache as CacheManager } from 'cache-manager';
import { z } from 'zod';
import { LATENCY_SAMPLES, RecentLatency } from '../recent-latency.js';
import type { CacheStatistics } from '../contract/cache-statistics.js';
import { Breaker, type BreakerState } from '../../platform/breaker.js';
import { deepFreeze } from '../../platform/deep-freeze.js';
import { parseJson } from '../../platform/parse-json.js';
import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import type { Entry } from '../contract/entry.js';
import type { RedisClient } from './redis-connection.js';
import type { EncryptedRedis } from './encrypted-redis.js';

/** How long a caller waits for Redis; reading the catalog takes about as long. */
const SOFT_TIMEOUT_MS = 100;
/** Consecutive failures that open the circuit breaker. */
const MAX_FAILURES = 3;
/** Redis is asked this often: only that closes the breaker, and no caller waits for a Redis that may not answer. */
const PING_MS = 500;
/** Shorter than the time between two pings, so that each of them may close the breaker. */
const OPEN_MS = 250;
/**
 * TTL of a load lock: longer than a usual load, but short, because a crashed holder blocks other instances that long.
 */
const LOCK_TTL_MS = 2_000;
const POLL_MS = 20;

const Envelope = z.strictObject({
  value: z.unknown(),
  subject: z.string(),
  version: z.int().nonnegative(),
  sequence: z.int().nonnegative(),
  ttlMs: z.number().positive(),
  validForMs: z.number().positive().optional(),
});

/** The Redis tier, over cache-manager. Reads and writes never throw: a failure of Redis costs time, nothing else. */
export class RedisTier {
  private readonly breaker = new Breaker({ maxFailures: MAX_FAILURES, probeAfter: OPEN_MS });
  private readonly latency = new RecentLatency();
  private readonly pinging: NodeJS.Timeout;

  private readonly readFailures = new Map<string, unknown>();
  private readonly writes = new Map<string, Promise<void>>();

  constructor(
    private readonly cache: CacheManager,
    private readonly redis: EncryptedRedis,
    private readonly client: RedisClient,
    private readonly statistics: CacheStatistics,
    private readonly softTimeoutMs = SOFT_TIMEOUT_MS,
  ) {
    cache.on('get', ({ key, error }) => void (error && this.readFailures.set(key, error)));
    this.pinging = setInterval(() => void this.ping(), PING_MS).unref();
    client.on('ready', () => void this.learnLatency());
  }

  /** How long Redis takes to answer, in ms; 0 while that is not known. */
  get typicalMs(): number {
    return this.latency.typicalMs;
  }

  get isConnected(): boolean {
    return this.client.status === 'ready';
  }

  get breakerState(): BreakerState {
    return this.breaker.state;
  }

  /** Whether a command would be sent now. */
  get isUsable(): boolean {
    return this.isConnected && this.breaker.state === 'closed';
  }

  /** Runs one command. Undefined when Redis cannot be used, fails or does not answer in time. */
  run<T>(command: (client: RedisClient) => Promise<T>): Promise<T | undefined> {
    return this.attempt(() => command(this.client));
  }

  /** Removes the keys that begin with a text, of those of this deployment. @returns whether all were removed */
  async clearPrefix(prefix: string): Promise<boolean> {
    try {
      await this.redis.flushPrefix(prefix);
      return true;
    } catch {
      return false; // Redis went away: the caller tries again
    }
  }

  /** Undefined when the entry does not exist, cannot be read, or fails the schema. */
  async get<T extends object>(key: string, schema: z.ZodType<T>): Promise<Entry | undefined> {
    const held = await this.attempt(() => Promise.all([this.read(key), this.redis.pttl(key)]));
    const [packed, leftMs] = held ?? [];
    if (packed === undefined || packed === null) return undefined;
    const entry = unpack(packed, schema);
    if (!entry) await this.attempt(() => this.redis.reject(key));
    // The remaining time is measured by Redis: the writer's clock has no say. At 0 or below it has expired meanwhile.
    const ttlMs = Math.min(entry?.ttlMs ?? 0, leftMs ?? 0);
    return entry && ttlMs > 0 ? aged(entry, ttlMs) : undefined;
  }

  async set(key: string, entry: Entry): Promise<void> {
    const write = this.attempt(() => this.cache.set(key, pack(entry), entry.ttlMs)).then(() => {
      if (this.writes.get(key) === write) this.writes.delete(key);
    });
    this.writes.set(key, write);
    await write;
  }

  async remove(key: string): Promise<void> {
    await this.attempt(() => this.redis.del(key));
  }

  /** @throws Redis' error, unlike the other methods */
  async clear(): Promise<void> {
    await this.redis.flushdb();
  }

  /**
   * Re-encrypts entries that were encrypted with an older key. Unlike the other methods it has no timeout, and its
   * failures are not counted: entries that it did not reach expire on their own.
   *
   * @returns the number of re-encrypted entries; undefined when Redis failed before every entry was checked
   * @throws the signal's reason
   */
  async reEncryptEntries(signal?: AbortSignal): Promise<number | undefined> {
    if (!this.isConnected) return undefined;
    try {
      return await this.redis.reEncrypt(signal);
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }

  /**
   * Runs `load` under a lock, or waits until `readShared` returns the result of the instance that holds it. Losing the
   * lock, or Redis, only costs a second load.
   */
  async loadExclusively<T>(key: string, load: () => Promise<T>, readShared: () => Promise<T | undefined>): Promise<T> {
    const token = randomUUID();
    const isAcquired = await this.attempt(() => this.redis.lock(key, token, LOCK_TTL_MS));
    if (isAcquired === false) return (await this.awaitHolder(key, readShared)) ?? load();
    try {
      return await load();
    } finally {
      void this.unlock(key, token);
    }
  }

  close(): void {
    clearInterval(this.pinging);
    this.client.disconnect();
  }

  /** Not while disconnected: the client reconnects by itself, and pings once it has. */
  private async ping(): Promise<void> {
    if (this.isConnected) await this.measure(() => this.client.ping());
  }

  /** At once, instead of with the first callers. */
  private async learnLatency(): Promise<void> {
    for (let answer = 0; answer < LATENCY_SAMPLES; answer += 1) await this.ping();
  }

  /** After the write, or the waiting instances would miss the result. Also when the lock's reply was lost. */
  private async unlock(key: string, token: string): Promise<void> {
    await this.writes.get(key);
    await this.attempt(() => this.redis.unlock(key, token));
  }

  /** cache-manager returns a failed read as a miss; only its event listeners receive the error. */
  private async read(key: string): Promise<string | undefined> {
    const value = await this.cache.get<string>(key);
    const failure = this.readFailures.get(key);
    if (failure === undefined) return value;
    this.readFailures.delete(key);
    throw failure;
  }

  private async awaitHolder<T>(key: string, readShared: () => Promise<T | undefined>): Promise<T | undefined> {
    const deadline = performance.now() + LOCK_TTL_MS;
    while (performance.now() < deadline) {
      await delay(POLL_MS);
      const isLocked = await this.attempt(() => this.redis.isLocked(key, LOCK_TTL_MS));
      const result = await readShared();
      if (result !== undefined || isLocked !== true) return result;
    }
    return undefined;
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.breaker.state === 'closed' ? this.measure(work) : undefined; // the ping is what closes it
  }

  private async measure<T>(work: () => Promise<T>): Promise<T | undefined> {
    const startedAt = performance.now();
    try {
      const result = await this.breaker.run(() => withDeadline(work(), this.softTimeoutMs));
      this.latency.add(performance.now() - startedAt);
      return result;
    } catch (error) {
      if (Breaker.isRejection(error)) return undefined;
      if (error instanceof DeadlineError) this.latency.add(this.softTimeoutMs);
      this.statistics.redisFailures += 1;
      return undefined;
    }
  }
}

/**
 * `<version>.<base64url of JSON>`: the version where `EncryptedRedis` finds it, followed by plain base64url, because
 * the store passes the text to telejson, which interprets some strings.
 */
function pack(entry: Entry): string {
  return `${entry.version}.${Buffer.from(JSON.stringify(entry)).toString('base64url')}`;
}

function unpack<T extends object>(packed: unknown, schema: z.ZodType<T>): Entry | undefined {
  if (typeof packed !== 'string') return undefined;
  const envelope = Envelope.safeParse(parseJson(Buffer.from(packed.replace(/^\d+\./, ''), 'base64url').toString()));
  if (!envelope.success) return undefined;
  const value = schema.safeParse(envelope.data.value);
  return value.success ? { ...envelope.data, value: deepFreeze(value.data) } : undefined;
}

/** The time that the entry lay in Redis is part of its lifetimes. */
function aged(entry: Entry, ttlMs: number): Entry {
  const { validForMs } = entry;
  return validForMs === undefined
    ? { ...entry, ttlMs }
    : { ...entry, ttlMs, validForMs: validForMs - (entry.ttlMs - ttlMs) };
}
