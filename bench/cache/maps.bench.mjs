import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { TieredCache } from '../../dist/cache/tiers/tiered-cache.js';
import { TENANT } from '../../dist/tenant/directory/cached-kinds.js';
import { quantile } from './interleave.mjs';
import { tenant, tenantId } from './tenants.mjs';

/*
 * Memory hits through `TieredCache.peek`, with our `LruMap` and with lru-cache in its place (docs/decisions/0036). Each
 * has its own process, because two kinds of map at one call site slow down both; samples are taken in turn.
 *
 *   npm run build && npm ci --prefix bench/cache && node bench/cache/maps.bench.mjs
 */
const MAX_ENTRIES = 10_000;
const ROUNDS = 41;
const HITS = 300_000;
const CASES = [
  { entries: 10_000, inUse: 10_000 },
  { entries: 10_000, inUse: 100 },
  { entries: 10_000, inUse: 8 },
  { entries: 1_000, inUse: 1_000 },
];

if (process.send) await serve(process.argv[2]);
else for (const each of CASES) console.log(await compare(each));

async function compare({ entries, inUse }) {
  const args = (map) => [map, String(entries), String(inUse)];
  const processes = ['LruMap', 'lru-cache'].map((map) => fork(fileURLToPath(import.meta.url), args(map)));
  for (const child of processes) await once(child, 'message');
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times = [];
    for (const n of round % 2 ? [0, 1] : [1, 0]) {
      processes[n].send('sample');
      [times[n]] = await once(processes[n], 'message');
    }
    rounds.push({ ours: times[0], library: times[1], speed: times[0] / times[1] });
  }
  for (const child of processes) child.disconnect();
  const of = (name, share) =>
    quantile(
      rounds.map((round) => round[name]).toSorted((a, b) => a - b),
      share,
    );
  const [low, speed, high] = [0.25, 0.5, 0.75].map((share) => of('speed', share).toFixed(2));
  const [ours, library] = ['ours', 'library'].map((name) => Math.round(of(name, 0.5)));
  return `${entries} entries, ${inUse} in use: ours ${ours} ns, lru-cache ${library} ns, its speed ${speed} (${low}-${high})`;
}

async function serve(map) {
  const [entries, inUse] = process.argv.slice(3).map(Number);
  const cache = await filledCache(map, entries);
  const keys = Array.from({ length: inUse }, (_, n) => tenantId((n * 7_919) % entries)); // a prime: out of order
  const sample = () => {
    const before = process.cpuUsage();
    for (let n = 0; n < HITS; n++) if (!cache.peek(TENANT, keys[n % inUse])) throw new Error('not a cache hit');
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1_000) / HITS;
  };
  for (let warmUp = 0; warmUp < 3; warmUp++) sample();
  process.on('message', () => process.send(sample()));
  process.send('ready');
}

async function filledCache(map, entries) {
  const cache = new TieredCache({
    ttlMs: 3e8,
    absenceTtlMs: 5_000,
    graceMs: 3.6e6,
    loadTimeoutMs: 5_000,
    maxEntries: MAX_ENTRIES,
  });
  if (map === 'lru-cache') {
    const { LRUCache } = await import('lru-cache');
    cache.memory.entries = new LRUCache({ max: MAX_ENTRIES });
  }
  cache.feedRestored({ history: 'bench', sequence: 1 });
  const readAt = { history: 'bench', sequence: 2 };
  for (let n = 0; n < entries; n++) {
    const loaded = { value: tenant(n), subject: `tenant:${tenantId(n)}`, version: 1, readAt };
    await cache.getOrLoad(TENANT, tenantId(n), async () => loaded);
  }
  return cache;
}
