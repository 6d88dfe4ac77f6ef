import { type KeyRing, DecryptionError } from '../../platform/encryption/key-ring.js';
import type { RedisClient } from './redis-connection.js';

const SCAN_COUNT = 500;
/** Values re-encrypted per batch: few, so that the callers' commands can run in between. */
const RE_ENCRYPT_COUNT = 50;

/** PTTL's result for a key that never expires. */
const NO_EXPIRY = -1;

/** The version prefix of a value, inside the text that cache-manager passes on: `…"value\":\"17.eyJ2…`. */
const VERSION = /(\d+)\.[\w-]+/;
const STORED = /^(\d+):(.+)$/;

/** Never replaces a value of a newer version. KEYS: key. ARGV: version, value, milliseconds. */
const SET_UNLESS_NEWER = `
  local held = redis.call('GET', KEYS[1])
  local version = held and string.match(held, '^(%d+):')
  if version and tonumber(version) > tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`;

/**
 * Replaces exactly the value that was read and keeps its remaining TTL. KEYS: key. ARGV: value read, value to write.
 */
const REPLACE = `
  if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  local left = redis.call('PTTL', KEYS[1])
  if left <= 0 then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
  return 1`;

/** Deletes a lock that this instance still holds. KEYS: key. ARGV: token. */
const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/**
 * The Redis client passed to cache-manager-ioredis-yet.
 *
 * The store's `get` passes any value in Redis to telejson, which runs functions embedded in it. So values are encrypted
 * here, bound to their key and version, and a value that cannot be decrypted never gets there. Keys have our prefix,
 * and clearing removes only those keys, whereas the store itself would send FLUSHDB.
 */
export class EncryptedRedis {
  constructor(
    private readonly client: RedisClient,
    private readonly keyRing: KeyRing,
    private readonly prefix: string,
    private readonly onRejected: () => void,
  ) {}

  async get(key: string): Promise<string | null> {
    const stored = await this.read(key);
    if (stored === null) return null;
    const value = stored === undefined ? undefined : this.decrypt(key, stored);
    if (value === undefined) await this.reject(key);
    return value ?? null;
  }

  async set(key: string, value: string, _unit: 'PX', ttlMs: number): Promise<void> {
    const version = VERSION.exec(value)?.[1];
    if (version === undefined) throw new TypeError('a cached value must begin with its version');
    const encrypted = `${version}:${this.keyRing.encrypt(value, this.context(key, version))}`;
    await this.client.eval(SET_UNLESS_NEWER, 1, this.prefix + key, version, encrypted, Math.floor(ttlMs));
  }

  /** Counts and removes a value that cannot be used. */
  async reject(key: string): Promise<void> {
    this.onRejected();
    await this.client.unlink(this.prefix + key);
  }

  async del(keys: string | readonly string[]): Promise<void> {
    for (const key of [keys].flat()) await this.client.unlink(this.prefix + key);
  }

  pttl(key: string): Promise<number> {
    return this.client.pttl(this.prefix + key);
  }

  /** Removes every key with our prefix, on every master, without blocking the server. */
  flushdb(): Promise<void> {
    return this.flushPrefix('');
  }

  /** Removes the keys that begin with our prefix and then `prefix`. */
  async flushPrefix(prefix: string): Promise<void> {
    for await (const keys of this.scan(SCAN_COUNT, prefix)) {
      await Promise.all(keys.map((key) => this.client.unlink(key))); // one key per command, as a cluster requires
    }
  }

  /**
   * Re-encrypts every value under our prefix that was encrypted with an older key, and keeps its remaining TTL.
   * Concurrent writes win. A value that cannot be decrypted is left to expire, or to be rejected by its next reader.
   *
   * @returns the number of re-encrypted values
   */
  async reEncrypt(signal?: AbortSignal): Promise<number> {
    let count = 0;
    for await (const keys of this.scan(RE_ENCRYPT_COUNT)) {
      signal?.throwIfAborted();
      const done = await Promise.all(keys.map((key) => this.reEncryptOne(key.slice(this.prefix.length))));
      count += done.filter(Boolean).length;
    }
    return count;
  }

  /** @returns whether the lock was acquired, for `ttlMs` from now */
  async lock(key: string, token: string, ttlMs: number): Promise<boolean> {
    return (await this.client.set(`${this.prefix}lock:${key}`, token, 'PX', ttlMs, 'NX')) === 'OK';
  }

  /**
   * Whether the lock is held. One with a TTL above `ttlMs`, or without one, was not set by an instance: it is removed.
   */
  async isLocked(key: string, ttlMs: number): Promise<boolean> {
    const remainingMs = await this.client.pttl(`${this.prefix}lock:${key}`);
    if (remainingMs === NO_EXPIRY || remainingMs > ttlMs) await this.reject(`lock:${key}`);
    return remainingMs >= 0 && remainingMs <= ttlMs;
  }

  async unlock(key: string, token: string): Promise<void> {
    await this.client.eval(UNLOCK, 1, `${this.prefix}lock:${key}`, token);
  }

  /** Our keys that go on with `rest`, with the prefix, on every master, about `count` at a time. */
  private async *scan(count: number, rest = ''): AsyncGenerator<string[]> {
    const nodes = 'nodes' in this.client ? this.client.nodes('master') : [this.client];
    const escaped = `${this.prefix}${rest}`.replaceAll(/[*?[\]\\]/g, String.raw`\$&`);
    for (const node of nodes) {
      for await (const keys of node.scanStream({ match: `${escaped}*`, count })) yield keys as string[];
    }
  }

  private async reEncryptOne(key: string): Promise<boolean> {
    const stored = await this.read(key);
    const [, version, encrypted] = STORED.exec(stored ?? '') ?? [];
    if (typeof stored !== 'string' || version === undefined || encrypted === undefined) return false;
    if (this.keyRing.isCurrent(encrypted)) return false;
    try {
      const reEncrypted = `${version}:${this.keyRing.reEncrypt(encrypted, this.context(key, version))}`;
      return (await this.client.eval(REPLACE, 1, this.prefix + key, stored, reEncrypted)) === 1;
    } catch (error) {
      if (error instanceof DecryptionError) return false;
      throw error;
    }
  }

  /** Undefined when the key holds another Redis type than a string. */
  private async read(key: string): Promise<string | null | undefined> {
    try {
      return await this.client.get(this.prefix + key);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
      throw error;
    }
  }

  private decrypt(key: string, stored: string): string | undefined {
    const [, version, encrypted] = STORED.exec(stored) ?? [];
    if (version === undefined || encrypted === undefined) return undefined;
    try {
      return this.keyRing.decrypt(encrypted, this.context(key, version));
    } catch {
      return undefined; // foreign, copied from another key, or truncated: the caller counts and removes it
    }
  }

  private context(key: string, version: string): string {
    return `redis:${this.prefix}${key}@${version}`;
  }
}
