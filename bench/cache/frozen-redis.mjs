import { setTimeout as delay } from 'node:timers/promises';
import { interleave, quantile } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

const ROUNDS = 3;
const FROZEN_MS = 1_000;
const CALLERS = 64;
const WARM_KEYS = 100;
/** One request in this many reads a key that is not in memory. */
const MISS_EVERY = 10;
const LOAD_MS = 2;

/**
 * Measures requests per second while Redis is frozen with SIGSTOP: nine in ten hit memory, and one must be loaded. Also
 * measures the latency of these misses in ms; a request still pending when Redis resumes counts with the time up to
 * then.
 */
export async function frozenRedis(contestants, { port, pid }) {
  const samplers = contestants.map((contestant) => () => sample(contestant, port, pid));
  const results = await interleave(samplers, ROUNDS);
  return results.map((result, n) => ({ name: contestants[n].name, ...result }));
}

let nextKey = 10_000_000;

async function sample({ open }, port, pid) {
  const cache = await open(port);
  for (let n = 0; n < WARM_KEYS; n++) await cache.getOrLoad(tenantId(n), async () => tenant(n));
  process.kill(pid, 'SIGSTOP');
  const run = new FrozenRun(cache);
  const callers = Array.from({ length: CALLERS }, () => run.call());
  await delay(FROZEN_MS);
  const result = run.finish();
  process.kill(pid, 'SIGCONT');
  await Promise.all(callers);
  cache.close();
  return result;
}

class FrozenRun {
  #cache;
  #since = performance.now();
  #isOver = false;
  #completed = 0;
  #failed = 0;
  #waits = [];
  #pending = new Map();

  constructor(cache) {
    this.#cache = cache;
  }

  async call() {
    for (let n = 0; !this.#isOver; n++) {
      if (n % MISS_EVERY === 0) await this.#miss();
      else await this.#hit(n);
    }
  }

  finish() {
    this.#isOver = true;
    const now = performance.now();
    const waits = [...this.#waits, ...[...this.#pending.values()].map((since) => now - since)].toSorted(
      (a, b) => a - b,
    );
    return {
      perSecond: (this.#completed * 1e3) / (now - this.#since),
      missP50: quantile(waits, 0.5),
      missP99: quantile(waits, 0.99),
      missWorst: waits.at(-1),
      failed: this.#failed,
    };
  }

  async #hit(n) {
    await this.#cache.getOrLoad(tenantId(n % WARM_KEYS), async () => tenant(n));
    this.#countCompleted();
  }

  async #miss() {
    const n = nextKey++;
    const since = performance.now();
    this.#pending.set(n, since);
    const load = async () => {
      await delay(LOAD_MS);
      return tenant(n);
    };
    try {
      await this.#cache.getOrLoad(tenantId(n), load);
      this.#countCompleted();
    } catch {
      if (!this.#isOver) this.#failed += 1;
    }
    this.#pending.delete(n);
    if (!this.#isOver) this.#waits.push(performance.now() - since);
  }

  #countCompleted() {
    if (!this.#isOver) this.#completed += 1;
  }
}
