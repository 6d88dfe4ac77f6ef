import { setTimeout as delay } from 'node:timers/promises';
import { interleave } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

const ROUNDS = 7;
const ALONE = 300;
const TOGETHER = 1_500;
const CALLERS = 64;
const FILL_BATCH = 20;

/**
 * Measures Redis hits: values stored by one instance, read by another whose memory is empty. In µs for a single caller,
 * and per second and as CPU µs for 64 callers. `loads` counts the reads that Redis did not answer in time.
 */
export async function redisHits(contestants, port) {
  const samplers = [];
  for (const contestant of contestants) {
    const writer = await contestant.open(port);
    await fill(writer);
    writer.close();
    samplers.push(() => sample(contestant, port));
  }
  for (const sampler of samplers) await sampler(); // warm-up
  const results = await interleave(samplers, ROUNDS);
  return results.map((result, n) => ({ name: contestants[n].name, ...result }));
}

async function fill(cache) {
  for (let n = 0; n < ALONE + TOGETHER; n += FILL_BATCH) {
    const batch = Array.from({ length: FILL_BATCH }, (_, offset) => n + offset);
    await Promise.all(batch.map((key) => cache.getOrLoad(tenantId(key), async () => tenant(key))));
    await delay(5); // ours does not wait until Redis has stored the value
  }
}

async function sample({ open }, port) {
  const cache = await open(port);
  let loads = 0; // a Redis that does not answer in time is skipped
  const load = async () => {
    loads += 1;
    return tenant(0);
  };
  const since = performance.now();
  for (let n = 0; n < ALONE; n++) await cache.getOrLoad(tenantId(n), load);
  const aloneUs = ((performance.now() - since) * 1e3) / ALONE;
  const together = await readTogether(cache, load);
  cache.close();
  return { aloneUs, ...together, loads };
}

async function readTogether(cache, load) {
  let next = ALONE;
  const call = async () => {
    while (next < ALONE + TOGETHER) await cache.getOrLoad(tenantId(next++), load);
  };
  const cpu = process.cpuUsage();
  const since = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, call));
  const seconds = (performance.now() - since) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: TOGETHER / seconds, cpuUs: (user + system) / TOGETHER };
}
