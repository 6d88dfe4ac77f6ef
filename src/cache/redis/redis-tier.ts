import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cache as CacheManager } from 'cache-manager';
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
} from 'cockatiel';
import { z } from 'zod';
import type { CacheStatistics } from '../contract/cache-statistics.js';
import { deepFreeze } from '../../platform/deep-freeze.js';
import { withDeadline } from '../../platform/timeout.js';
import type { Entry } from '../contract/entry.js';
import type { RedisClient } from './redis-connection.js';
import type { EncryptedRedis } from './encrypted-redis.js';

/** How long a caller waits for Redis; reading the catalog takes about as long. */
const SOFT_TIMEOUT_MS = 100;
/** Consecutive failures that open the circuit breaker. */
const MAX_FAILURES = 3;
const FIRST_PROBE_MS = 250;
const LAST_PROBE_MS = 2_000;
/**
 * TTL of a load lock: longer than a usual load, but short, because a crashed holder blocks other instances that long.
 */
const LOCK_TTL_MS = 2_000;
const POLL_MS = 20;

const Envelope = z.strictObject({
  value: z.unknown(),
  subject: z.string(),
  version: z.int().nonnegative(),
  loadedAt: z.number(),
  ttlMs: z.number().positive(),
});

/** The Redis tier, over cache-manager. Reads and writes never throw: a failure of Redis costs time, nothing else. */
export class RedisTier {
  private readonly breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(MAX_FAILURES),
    halfOpenAfter: new ExponentialBackoff({ initialDelay: FIRST_PROBE_MS, maxDelay: LAST_PROBE_MS }),
  });

  private readonly readFailures = new Map<string, unknown>();
  private readonly writes = new Map<string, Promise<void>>();

  constructor(
    private readonly cache: CacheManager,
    private readonly redis: EncryptedRedis,
    private readonly client: RedisClient,
    private readonly statistics: CacheStatistics,
  ) {
    cache.on('get', ({ key, error }) => void (error && this.readFailures.set(key, error)));
  }

  get isConnected(): boolean {
    return this.client.status === 'ready';
  }

  get breakerState(): 'closed' | 'open' | 'half-open' {
    if (this.breaker.state === CircuitState.Closed) return 'closed';
    return this.breaker.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /** Undefined when the entry does not exist, cannot be read, or fails the schema. */
  async get<T extends object>(key: string, schema: z.ZodType<T>): Promise<Entry | undefined> {
    const packed = await this.attempt(() => this.read(key));
    if (packed === undefined || packed === null) return undefined;
    const entry = unpack(packed, schema);
    if (!entry) await this.attempt(() => this.redis.reject(key));
    return entry;
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
    this.client.disconnect();
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
    // One command is probing Redis; callers do not wait for it.
    if (this.breaker.state === CircuitState.HalfOpen) return undefined;
    try {
      return await this.breaker.execute(() => withDeadline(work(), SOFT_TIMEOUT_MS));
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) this.statistics.redisFailures += 1;
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
