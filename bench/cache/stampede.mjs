import { setTimeout as delay } from 'node:timers/promises';
import { interleave } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

const ROUNDS = 11;
const CALLERS = 1_000;
/** About the time of a query on a catalog under load. */
const LOAD_MS = 20;
/** Start of the keys that have not been read yet. */
const FIRST_KEY = 1_000_000;

/**
 * Simultaneous callers of one key that is not cached, spread over `instanceCount` instances: counts the loads, and
 * measures the time in ms until every caller has the value.
 */
export async function stampedes(contestants, port, instanceCount) {
  const opened = [];
  for (const { open } of contestants) {
    opened.push(await Promise.all(Array.from({ length: instanceCount }, () => open(port))));
  }
  let key = FIRST_KEY * instanceCount;
  const samplers = opened.map((instances) => () => stampede(instances, key++));
  for (const sampler of samplers) await sampler(); // warm-up
  const results = await interleave(samplers, ROUNDS);
  for (const instance of opened.flat()) instance.close();
  return results.map((result, n) => ({ name: contestants[n].name, ...result }));
}

async function stampede(instances, n) {
  let loads = 0;
  const load = async () => {
    loads += 1;
    await delay(LOAD_MS);
    return tenant(n);
  };
  const since = performance.now();
  await Promise.all(
    Array.from({ length: CALLERS }, (_, caller) => instances[caller % instances.length].getOrLoad(tenantId(n), load)),
  );
  return { loads, ms: performance.now() - since };
}
