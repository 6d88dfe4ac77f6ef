import { interleave } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

const ROUNDS = 9;
const SLICE_MS = 100;

/**
 * Measures memory hits in ns, one after another over `keyCount` keys: through `get`, and through the call that would
 * load. `cpu` is this process's CPU time, including garbage collection; `wall` includes interference from other
 * processes.
 */
export async function memoryHits(contestants, port, keyCount) {
  // A prime step visits all keys, out of order.
  const keys = Array.from({ length: keyCount }, (_, n) => tenantId((n * 7_919) % keyCount));
  const opened = [];
  for (const contestant of contestants) opened.push(await fill(contestant, port, keyCount));
  const samplers = [];
  for (const [n, cache] of opened.entries()) samplers.push(await sampler(contestants[n], cache, keys));
  const results = await interleave(samplers, ROUNDS);
  for (const cache of opened) cache.close();
  return results.map((result, n) => ({ name: contestants[n].name, ...result }));
}

async function fill({ open }, port, keyCount) {
  const cache = await open(port);
  for (let n = 0; n < keyCount; n++) await cache.getOrLoad(tenantId(n), async () => tenant(n));
  return cache;
}

async function sampler({ isSync = false }, cache, keys) {
  const get = isSync ? (count) => readSync(cache, keys, count) : (count) => read(cache.get, keys, count);
  const load = () => Promise.reject(new Error('not a cache hit'));
  const getOrLoad = (count) => read((key) => cache.getOrLoad(key, load), keys, count);
  const counts = { get: await calibrate(get), getOrLoad: await calibrate(getOrLoad) };
  return async () => {
    const direct = await timed(get, counts.get);
    const through = await timed(getOrLoad, counts.getOrLoad);
    return { getCpu: direct.cpu, getWall: direct.wall, throughCpu: through.cpu, throughWall: through.wall };
  };
}

function readSync({ get }, keys, count) {
  for (let n = 0; n < count; n++) {
    if (!get(keys[n % keys.length])) throw new Error('not a cache hit');
  }
}

async function read(get, keys, count) {
  for (let n = 0; n < count; n++) {
    if (!(await get(keys[n % keys.length]))) throw new Error('not a cache hit');
  }
}

/** The number of reads that take one slice. Also warms up the compiler. */
async function calibrate(work) {
  await timed(work, 5_000);
  const { wall } = await timed(work, 5_000);
  await timed(work, Math.ceil((SLICE_MS * 1e6) / wall));
  const { wall: compiled } = await timed(work, 5_000);
  return Math.ceil((SLICE_MS * 1e6) / compiled);
}

/** @returns ns per read */
async function timed(work, count) {
  const cpu = process.cpuUsage();
  const since = performance.now();
  await work(count);
  const wall = ((performance.now() - since) * 1e6) / count;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: ((user + system) * 1e3) / count, wall };
}
