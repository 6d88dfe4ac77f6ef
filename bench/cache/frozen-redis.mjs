import { setTimeout as delay } from 'node:timers/promises';
import { interleave, quantile } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

const ROUNDS = 3;
const FROZEN_MS = 1_000;
const CALLERS = 64;
const WARM_KEYS = 100;
/** One request in so many asks for a key that is not in memory. */
const MISS_EVERY = 10;
const LOAD_MS = 2;

/**
 * Requests per second while Redis is frozen with SIGSTOP: nine in ten for what memory holds, one for what has to be
 * loaded. And how long those waited, in ms; a request that is not answered while Redis is frozen counts as having waited
 * for all of it.
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
  #answered = 0;
  #failed = 0;
  #waits = [];
  #unanswered = new Map();

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
    const waits = [...this.#waits, ...[...this.#unanswered.values()].map((since) => now - since)].toSorted(
      (a, b) => a - b,
    );
    return {
      perSecond: (this.#answered * 1e3) / (now - this.#since),
      missP50: quantile(waits, 0.5),
      missP99: quantile(waits, 0.99),
      missWorst: waits.at(-1),
      failed: this.#failed,
    };
  }

  async #hit(n) {
    await this.#cache.getOrLoad(tenantId(n % WARM_KEYS), async () => tenant(n));
    this.#count();
  }

  async #miss() {
    const n = nextKey++;
    const since = performance.now();
    this.#unanswered.set(n, since);
    const load = async () => {
      await delay(LOAD_MS);
      return tenant(n);
    };
    try {
      await this.#cache.getOrLoad(tenantId(n), load);
      this.#count();
    } catch {
      if (!this.#isOver) this.#failed += 1;
    }
    this.#unanswered.delete(n);
    if (!this.#isOver) this.#waits.push(performance.now() - since);
  }

  #count() {
    if (!this.#isOver) this.#answered += 1;
  }
}
