import type { KeyRing } from '../../platform/encryption/key-ring.js';
import type { RedisClient } from '../redis/redis-connection.js';
import type { RedisTier } from '../redis/redis-tier.js';

/** What Redis has for a key. */
export interface RedisValue {
  /** Undefined: there is no value. */
  readonly text?: string;
  /** The remaining time to live in ms. */
  readonly ttlMs: number;
  /** The number of changes of the namespace so far. */
  readonly changes: string;
}

/** How long the number of a namespace's changes is kept, in ms: longer than any load may take. */
const CHANGES_TTL_MS = 86_400_000;

// The keys of one namespace share a hash tag, so that they are in one slot of a cluster. Each script receives the number of
// changes, the index (a sorted set of keys by the time at which they expire, in ms of Redis' clock) and the prefix of values.

const READ = `
  local changes = redis.call('GET', KEYS[1]) or '0'
  local value = redis.pcall('GET', KEYS[3])
  if not value then return { changes } end
  if type(value) == 'table' then return { changes, '', 1 } end
  return { changes, value, redis.call('PTTL', KEYS[3]) }`;

const NOW = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** KEYS: changes, index, value. ARGV: expected changes or '', key, value, TTL in ms, most entries, prefix, TTL of changes. */
const WRITE = `
  if ARGV[1] == '' then
    redis.call('INCR', KEYS[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[7])
  elseif (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then return 0 end
  ${NOW}
  redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[2])
  local excess = redis.call('ZCARD', KEYS[2]) - ARGV[5]
  if excess > 0 then
    local removed = redis.call('ZPOPMIN', KEYS[2], excess)
    for i = 1, #removed, 2 do redis.call('UNLINK', ARGV[6] .. removed[i]) end
  end
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if last[2] then redis.call('PEXPIREAT', KEYS[2], last[2]) end
  return 1`;

/** KEYS: changes, index. ARGV: prefix, TTL of changes, keys. */
const DELETE = `
  redis.call('INCR', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  for i = 3, #ARGV do
    redis.call('UNLINK', ARGV[1] .. ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
  return 1`;

/** KEYS: changes, index. ARGV: prefix, TTL of changes. */
const CLEAR = `
  redis.call('INCR', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('UNLINK', ARGV[1] .. key) end
  redis.call('UNLINK', KEYS[2])
  return 1`;

/** In front of all keys of values, behind the prefix of the deployment. */
const VALUES = 'values:';

/** Deletions that Redis has not received: of single keys, or of a whole namespace. */
type Unsent = Set<string> | 'all';

const MAX_UNSENT_KEYS = 1_000;
const MAX_UNSENT_NAMESPACES = 10_000;

/**
 * Values in Redis, encrypted and bound to namespace and key, bounded for each namespace: what expires first makes room. No
 * method throws: `undefined` means that Redis cannot be used now.
 *
 * What is deleted while Redis is away is deleted before a value of that namespace is read again.
 */
export class RedisValues {
  private readonly unsent = new Map<string, Unsent>();
  /** More has been missed than is remembered: all values have to go. */
  private hasMissedTooMuch = false;

  constructor(
    private readonly tier: RedisTier,
    private readonly keyRing: KeyRing,
    private readonly prefix: string,
    private readonly maxEntries: number,
    private readonly onRejected: () => void,
  ) {}

  async read(name: string, key: string): Promise<RedisValue | undefined> {
    const held = await this.run(name, (client) => client.eval(READ, 3, ...this.keysOf(name), this.valueKey(name, key)));
    if (!held) return undefined;
    const [changes, encrypted, ttlMs = 0] = held as [string, string?, number?];
    if (encrypted === undefined || ttlMs <= 0) return { changes, ttlMs: 0 };
    const text = this.decrypt(name, key, encrypted);
    if (text !== undefined) return { changes, text, ttlMs };
    this.onRejected();
    await this.delete(name, [key]);
    return { changes, ttlMs: 0 };
  }

  /** Keeps a loaded value, unless the namespace has changed since `changes` was read. */
  async fill(name: string, key: string, text: string, ttlMs: number, changes: string): Promise<void> {
    await this.write(name, key, text, ttlMs, changes);
  }

  /** Replaces a value: loads that began before it are not kept. */
  async set(name: string, key: string, text: string, ttlMs: number): Promise<void> {
    if ((await this.write(name, key, text, ttlMs, '')) === undefined) this.remember(name, [key]);
  }

  async delete(name: string, keys: readonly string[]): Promise<void> {
    const done = await this.run(name, (client) =>
      client.eval(DELETE, 2, ...this.keysOf(name), this.valueKey(name, ''), CHANGES_TTL_MS, ...keys),
    );
    if (done === undefined) this.remember(name, keys);
  }

  /** @returns whether Redis has done it; otherwise this is made up for */
  async clear(name: string): Promise<boolean> {
    const done = await this.run(name, (client) => this.sendClear(client, name));
    if (done === undefined) this.remember(name, 'all');
    return done !== undefined;
  }

  /** Another instance has deleted these keys: Redis may have been away from it as it is from this one. */
  rememberIfAway(name: string, keys: readonly string[] | 'all'): void {
    if (!this.tier.isUsable) this.remember(name, keys);
  }

  private write(name: string, key: string, text: string, ttlMs: number, changes: string): Promise<unknown> {
    const encrypted = this.keyRing.encrypt(text, this.context(name, key));
    const values = [
      changes,
      key,
      encrypted,
      Math.floor(ttlMs),
      this.maxEntries,
      this.valueKey(name, ''),
      CHANGES_TTL_MS,
    ];
    return this.run(name, (client) => client.eval(WRITE, 3, ...this.keysOf(name), this.valueKey(name, key), ...values));
  }

  /** Sends what Redis has missed of this namespace first. */
  private async run(name: string, command: (client: RedisClient) => Promise<unknown>): Promise<unknown> {
    if (this.hasMissedTooMuch || this.unsent.has(name)) {
      if (!(await this.sendUnsent(name))) return undefined;
    }
    return this.tier.run(command);
  }

  private async sendUnsent(name: string): Promise<boolean> {
    if (this.hasMissedTooMuch) {
      this.hasMissedTooMuch = false;
      if (await this.tier.clearPrefix(`${VALUES}{`)) this.unsent.clear();
      else this.hasMissedTooMuch = true;
      return !this.hasMissedTooMuch;
    }
    const unsent = this.unsent.get(name);
    if (!unsent) return true;
    this.unsent.delete(name);
    const done = await this.tier.run((client) =>
      unsent === 'all'
        ? this.sendClear(client, name)
        : client.eval(DELETE, 2, ...this.keysOf(name), this.valueKey(name, ''), CHANGES_TTL_MS, ...unsent),
    );
    if (done === undefined) this.remember(name, unsent === 'all' ? 'all' : [...unsent]);
    return done !== undefined;
  }

  private remember(name: string, keys: readonly string[] | 'all'): void {
    const known = this.unsent.get(name) ?? new Set<string>();
    if (known === 'all') return;
    const all = keys === 'all' ? 'all' : new Set([...known, ...keys]);
    this.unsent.set(name, all === 'all' || all.size > MAX_UNSENT_KEYS ? 'all' : all);
    if (this.unsent.size <= MAX_UNSENT_NAMESPACES) return;
    this.unsent.clear();
    this.hasMissedTooMuch = true;
  }

  private sendClear(client: RedisClient, name: string): Promise<unknown> {
    return client.eval(CLEAR, 2, ...this.keysOf(name), this.valueKey(name, ''), CHANGES_TTL_MS);
  }

  private keysOf(name: string): [changes: string, index: string] {
    return [`${this.prefix}${VALUES}{${name}}:changes`, `${this.prefix}${VALUES}{${name}}:index`];
  }

  private valueKey(name: string, key: string): string {
    return `${this.prefix}${VALUES}{${name}}:value:${key}`;
  }

  private decrypt(name: string, key: string, encrypted: string): string | undefined {
    try {
      return this.keyRing.decrypt(encrypted, this.context(name, key));
    } catch {
      return undefined; // foreign, copied from another key, truncated, or its key is retired: counted and deleted
    }
  }

  private context(name: string, key: string): string {
    return `redis-value:${this.prefix}${name}:${key}`;
  }
}
