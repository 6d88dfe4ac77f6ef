import { setTimeout as delay } from 'node:timers/promises';
import { interleave } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

const ROUNDS = 11;
const CALLERS = 1_000;
/** As long as a catalog under load takes. */
const LOAD_MS = 20;
/** Keys that nobody has asked for yet. */
const FIRST_KEY = 1_000_000;

/**
 * Callers of one key that nobody holds, all at once, spread over `instanceCount` instances: how often it is loaded, and
 * the ms until all of them have it.
 */
export async function stampedes(contestants, port, instanceCount) {
  const opened = [];
  for (const { open } of contestants) {
    opened.push(await Promise.all(Array.from({ length: instanceCount }, () => open(port))));
  }
  let key = FIRST_KEY * instanceCount;
  const samplers = opened.map((instances) => () => stampede(instances, key++));
  for (const sampler of samplers) await sampler(); // compiles it
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
