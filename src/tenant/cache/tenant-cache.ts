import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { CatalogEvents } from '../../catalog/feed/catalog-events.js';
import { ValueChanges } from '../../catalog/feed/value-changes.js';
import { ValueStore } from '../../cache/values/value-store.js';
import { InvalidCacheArgumentError, UncacheableValueError } from '../../cache/values/values.errors.js';
import { TenantContext } from '../context/tenant-context.js';

const MAX_KEY_LENGTH = 1_024;
const MAX_VALUE_BYTES = 1_048_576;
/** Of SHA-256, in base64url: 128 bits. Two keys of one tenant do not meet by accident, nor on purpose within a tenant's life. */
const DIGEST_LENGTH = 22;

/** How a value is cached. */
export interface CacheOptions {
  /** How long the value may be served, in ms. Default: `CACHE_DEFAULT_TTL`, which is in seconds. */
  readonly ttlMs?: number;
}

/**
 * Values that the application computes for the current tenant, in memory and, where there is one, in Redis. No tenant reaches
 * another's, or pushes it out; all go with the tenant. A change is effective on every instance within milliseconds.
 *
 * Values are kept as JSON, and every caller receives a copy as JSON gives it back: a `Date` becomes a string.
 */
@Injectable()
export class TenantCache {
  private readonly defaultTtlMs: number;

  /** @internal */
  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly context: TenantContext,
    private readonly store: ValueStore,
    private readonly changes: ValueChanges,
    events: CatalogEvents,
  ) {
    this.defaultTtlMs = config.cache.defaultTtlSeconds * 1_000;
    changes.subscribe((change) => store.changed(change));
    events.subscribe('values', ({ kind }) => {
      if (kind === 'lost') store.feedLost();
      if (kind === 'restored') store.feedRestored();
    });
  }

  /**
   * The cached value, or what `load` returns. Concurrent callers in one process share one call of `load`, which runs in the
   * context of the first of them. `undefined` is not cached; an error of `load` goes to all of them, and is not cached either.
   *
   * @throws NoTenantContextError, InvalidCacheArgumentError, UncacheableValueError, and the error of `load`
   */
  async getOrLoad<T>(key: string, load: () => Promise<T> | T, options: CacheOptions = {}): Promise<T> {
    const ttlMs = this.ttlMs(options);
    const run = async (): Promise<string | undefined> => toJson(await load());
    const text = await this.store.read(this.namespace, digestOf(key), { load: run, ttlMs });
    return fromJson(text) as T;
  }

  /**
   * The cached value; undefined when there is none.
   *
   * @throws NoTenantContextError, InvalidCacheArgumentError
   */
  async get<T>(key: string): Promise<T | undefined> {
    return fromJson(await this.store.read(this.namespace, digestOf(key))) as T | undefined;
  }

  /** @throws NoTenantContextError, InvalidCacheArgumentError, UncacheableValueError */
  async set(key: string, value: unknown, options: CacheOptions = {}): Promise<void> {
    const { namespace } = this;
    const [digest, text, ttlMs] = [digestOf(key), toJson(value), this.ttlMs(options)];
    if (text === undefined) throw UncacheableValueError.notJson();
    await this.store.set(namespace, digest, text, ttlMs);
    await this.changes.announce({ namespace, keys: [digest] });
  }

  /**
   * Deletes values on every instance. Call it when what they were computed from has been committed: a load that begins before
   * that would cache the former state again.
   *
   * @throws NoTenantContextError, InvalidCacheArgumentError
   */
  async delete(...keys: readonly string[]): Promise<void> {
    const { namespace } = this;
    const digests = keys.map(digestOf);
    if (digests.length === 0) return;
    await this.store.delete(namespace, digests);
    await this.changes.announce({ namespace, keys: digests });
  }

  /**
   * Deletes all values of the tenant on every instance.
   *
   * @throws NoTenantContextError
   */
  async clear(): Promise<void> {
    const { namespace } = this;
    await this.store.clear(namespace);
    await this.changes.announce({ namespace, keys: 'all' });
  }

  private get namespace(): string {
    return this.context.current().tenant.id;
  }

  private ttlMs({ ttlMs = this.defaultTtlMs }: CacheOptions): number {
    if (Number.isFinite(ttlMs) && ttlMs >= 1) return ttlMs;
    throw new InvalidCacheArgumentError('ttlMs must be a number of milliseconds, at least 1');
  }
}

/** Keys may be long, and hold what belongs in no log: Redis sees their digest only. */
function digestOf(key: string): string {
  if (typeof key !== 'string' || key.length === 0 || key.length > MAX_KEY_LENGTH) {
    throw new InvalidCacheArgumentError(`a key is a text of 1 to ${MAX_KEY_LENGTH} characters`);
  }
  return createHash('sha256').update(key).digest('base64url').slice(0, DIGEST_LENGTH);
}

function toJson(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = stringify(value);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) throw UncacheableValueError.tooLarge(bytes, MAX_VALUE_BYTES);
  return text;
}

function stringify(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw UncacheableValueError.notJson(error); // circular, or a bigint
  }
  if (text === undefined) throw UncacheableValueError.notJson(); // a function or a symbol
  return text;
}

function fromJson(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
