import { LRUCache } from 'lru-cache';

/**
 * The cache that a careful team writes in an afternoon: memory, Redis, one load per key at a time, ignoring Redis
 * errors.
 */
export class HandMadeCache {
  #memory;
  #redis;
  #prefix;
  #ttlMs;
  #inFlight = new Map();

  constructor(redis, { maxEntries, ttlMs, prefix }) {
    this.#memory = new LRUCache({ max: maxEntries, ttl: ttlMs });
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttlMs = ttlMs;
  }

  get(key) {
    return this.#memory.get(key);
  }

  async getOrLoad(key, load) {
    const cached = this.#memory.get(key);
    if (cached !== undefined) return cached;
    const running = this.#inFlight.get(key);
    if (running) return running;
    const loading = this.#read(key, load).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, loading);
    return loading;
  }

  async #read(key, load) {
    const stored = await this.#redis.get(this.#prefix + key).catch(() => null);
    const value = stored === null ? await load() : JSON.parse(stored);
    this.#memory.set(key, value);
    if (stored === null) this.#redis.set(this.#prefix + key, JSON.stringify(value), 'PX', this.#ttlMs).catch(() => {});
    return value;
  }
}
