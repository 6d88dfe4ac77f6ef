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

/** A caller does not wait for Redis longer than this: asking the catalog takes about as long. */
const SOFT_DEADLINE_MS = 100;
/** Failures, one after the other, until Redis is left alone for a while. */
const FAILURES = 3;
const FIRST_PROBE_MS = 250;
const LAST_PROBE_MS = 2_000;
/** A lock outlives the load it is for, and no more: a holder that died costs this long once. */
const LOCK_MS = 2_000;
const LOOK_AGAIN_MS = 20;

const Envelope = z.strictObject({
  value: z.unknown(),
  subject: z.string(),
  version: z.int().nonnegative(),
  loadedAt: z.number(),
  ttlMs: z.number().positive(),
});

/** The Redis tier, over cache-manager. Reading and writing never throw: what Redis cannot do costs time, nothing else. */
export class RedisTier {
  private readonly breaker = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(FAILURES),
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

  /** Undefined when it is not there, cannot be read, or is not what the schema says. */
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

  /** Unlike the others, it tells when Redis did not do it. */
  async clear(): Promise<void> {
    await this.redis.flushdb();
  }

  /**
   * Seals what was sealed with an older key anew. Unlike the others, it waits for Redis as long as that takes, and a
   * failure counts for nothing: what it did not get to expires by itself.
   *
   * @returns how many entries were sealed anew; undefined when Redis was away before every entry was looked at
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
   * Runs `load` here, or waits for the result of the instance that runs it. A lock that is lost, or Redis with it, only
   * costs a second load.
   */
  async onlyOneInstance<T>(key: string, load: () => Promise<T>, look: () => Promise<T | undefined>): Promise<T> {
    const token = randomUUID();
    const isOurs = await this.attempt(() => this.redis.lock(key, token, LOCK_MS));
    if (isOurs === false) return (await this.awaitOther(key, look)) ?? load();
    try {
      return await load();
    } finally {
      void this.unlock(key, token);
    }
  }

  close(): void {
    this.client.disconnect();
  }

  /** After the result was written, or those who wait would not find it. Also when nobody said that the lock is ours. */
  private async unlock(key: string, token: string): Promise<void> {
    await this.writes.get(key);
    await this.attempt(() => this.redis.unlock(key, token));
  }

  /** cache-manager answers a read that failed like one that found nothing; only its listeners are told. */
  private async read(key: string): Promise<string | undefined> {
    const found = await this.cache.get<string>(key);
    const failure = this.readFailures.get(key);
    if (failure === undefined) return found;
    this.readFailures.delete(key);
    throw failure;
  }

  private async awaitOther<T>(key: string, look: () => Promise<T | undefined>): Promise<T | undefined> {
    const deadline = performance.now() + LOCK_MS;
    while (performance.now() < deadline) {
      await delay(LOOK_AGAIN_MS);
      const isLocked = await this.attempt(() => this.redis.isLocked(key, LOCK_MS));
      const found = await look();
      if (found !== undefined || isLocked !== true) return found;
    }
    return undefined;
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.breaker.state === CircuitState.HalfOpen) return undefined; // one tries whether it is back; nobody waits for that
    try {
      return await this.breaker.execute(() => withDeadline(work(), SOFT_DEADLINE_MS));
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) this.statistics.redisFailures += 1;
      return undefined;
    }
  }
}

/**
 * `<version>.<base64url of JSON>`: the version where `EncryptedRedis` finds it, and letters only behind it, because the
 * store hands the text to telejson, which gives meaning to some strings.
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
