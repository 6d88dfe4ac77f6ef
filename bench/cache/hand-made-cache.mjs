import { LRUCache } from 'lru-cache';

/** What a careful team writes in an afternoon: memory, Redis, one load per key, and a Redis that fails is passed over. */
export class HandMadeCache {
  #memory;
  #redis;
  #prefix;
  #ttlMs;
  #flights = new Map();

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
    const held = this.#memory.get(key);
    if (held !== undefined) return held;
    const running = this.#flights.get(key);
    if (running) return running;
    const flight = this.#read(key, load).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #read(key, load) {
    const stored = await this.#redis.get(this.#prefix + key).catch(() => null);
    const value = stored === null ? await load() : JSON.parse(stored);
    this.#memory.set(key, value);
    if (stored === null) this.#redis.set(this.#prefix + key, JSON.stringify(value), 'PX', this.#ttlMs).catch(() => {});
    return value;
  }
}
