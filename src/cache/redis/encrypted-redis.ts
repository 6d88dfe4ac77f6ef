import { type KeyRing, DecryptionError } from '../../platform/encryption/key-ring.js';
import type { RedisClient } from './redis-connection.js';

const SCAN_COUNT = 500;
/** So many values are read, sealed and written at once: the callers' own commands go in between. */
const RESEAL_COUNT = 50;

/** What PTTL answers for a key that never expires. */
const NO_EXPIRY = -1;

/** The version that a value carries in front, in what cache-manager hands down: `…"value\":\"17.eyJ2…`. */
const VERSION = /(\d+)\.[\w-]+/;
const STORED = /^(\d+):(.+)$/;

/** Never replaces a value of a newer version. KEYS: key. ARGV: version, value, milliseconds. */
const SET_UNLESS_NEWER = `
  local held = redis.call('GET', KEYS[1])
  local version = held and string.match(held, '^(%d+):')
  if version and tonumber(version) > tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`;

/** Replaces exactly the value that was read, for what is left of its life. KEYS: key. ARGV: value read, value to write. */
const REPLACE = `
  if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  local left = redis.call('PTTL', KEYS[1])
  if left <= 0 then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
  return 1`;

/** Deletes a lock that is still ours. KEYS: key. ARGV: token. */
const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/**
 * What cache-manager-ioredis-yet gets for a Redis client.
 *
 * Its `get` hands whatever lies in Redis to telejson, which runs functions written into it. So values are sealed here,
 * for their key and version, and nothing that does not open ever gets there. Keys have our prefix, and clearing takes
 * away those only, where the store itself would send FLUSHDB.
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
    const opened = stored === undefined ? undefined : this.open(key, stored);
    if (opened === undefined) await this.reject(key);
    return opened ?? null;
  }

  async set(key: string, value: string, _unit: 'PX', ttlMs: number): Promise<void> {
    const version = VERSION.exec(value)?.[1];
    if (version === undefined) throw new TypeError('a cached value carries its version');
    const sealed = `${version}:${this.keyRing.encrypt(value, this.context(key, version))}`;
    await this.client.eval(SET_UNLESS_NEWER, 1, this.prefix + key, version, sealed, Math.floor(ttlMs));
  }

  /** Removes a value that turned out to be unusable after it was opened. */
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

  /** Removes everything under our prefix, on every master, without blocking the server. */
  async flushdb(): Promise<void> {
    for await (const keys of this.scan(SCAN_COUNT)) {
      await Promise.all(keys.map((key) => this.client.unlink(key))); // one by one: a cluster wants that
    }
  }

  /**
   * Seals every value under our prefix anew that was sealed with an older key, for what is left of its life. A value
   * that is written meanwhile wins. What does not open is left to expire, or to whoever reads it.
   *
   * @returns how many were sealed anew
   */
  async reEncrypt(signal?: AbortSignal): Promise<number> {
    let count = 0;
    for await (const keys of this.scan(RESEAL_COUNT)) {
      signal?.throwIfAborted();
      const done = await Promise.all(keys.map((key) => this.reEncryptOne(key.slice(this.prefix.length))));
      count += done.filter(Boolean).length;
    }
    return count;
  }

  /** @returns whether the lock is ours until `ttlMs` from now */
  async lock(key: string, token: string, ttlMs: number): Promise<boolean> {
    return (await this.client.set(`${this.prefix}lock:${key}`, token, 'PX', ttlMs, 'NX')) === 'OK';
  }

  /** Whether somebody holds the lock. One that lasts longer than `ttlMs`, or for ever, is not of ours: removed. */
  async isLocked(key: string, ttlMs: number): Promise<boolean> {
    const leftMs = await this.client.pttl(`${this.prefix}lock:${key}`);
    if (leftMs === NO_EXPIRY || leftMs > ttlMs) await this.reject(`lock:${key}`);
    return leftMs >= 0 && leftMs <= ttlMs;
  }

  async unlock(key: string, token: string): Promise<void> {
    await this.client.eval(UNLOCK, 1, `${this.prefix}lock:${key}`, token);
  }

  /** Our keys, with the prefix, on every master, about `count` at a time. */
  private async *scan(count: number): AsyncGenerator<string[]> {
    const nodes = 'nodes' in this.client ? this.client.nodes('master') : [this.client];
    const escaped = this.prefix.replaceAll(/[*?[\]\\]/g, String.raw`\$&`);
    for (const node of nodes) {
      for await (const keys of node.scanStream({ match: `${escaped}*`, count })) yield keys as string[];
    }
  }

  private async reEncryptOne(key: string): Promise<boolean> {
    const stored = await this.read(key);
    const [, version, sealed] = STORED.exec(stored ?? '') ?? [];
    if (typeof stored !== 'string' || version === undefined || sealed === undefined) return false;
    if (this.keyRing.isCurrent(sealed)) return false;
    try {
      const anew = `${version}:${this.keyRing.reEncrypt(sealed, this.context(key, version))}`;
      return (await this.client.eval(REPLACE, 1, this.prefix + key, stored, anew)) === 1;
    } catch (error) {
      if (error instanceof DecryptionError) return false;
      throw error;
    }
  }

  /** Undefined when something lies there that is not even a string. */
  private async read(key: string): Promise<string | null | undefined> {
    try {
      return await this.client.get(this.prefix + key);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
      throw error;
    }
  }

  private open(key: string, stored: string): string | undefined {
    const [, version, sealed] = STORED.exec(stored) ?? [];
    if (version === undefined || sealed === undefined) return undefined;
    try {
      return this.keyRing.decrypt(sealed, this.context(key, version));
    } catch {
      return undefined; // written by somebody else, for another key, or cut short: counted and removed by the caller
    }
  }

  private context(key: string, version: string): string {
    return `redis:${this.prefix}${key}@${version}`;
  }
}
