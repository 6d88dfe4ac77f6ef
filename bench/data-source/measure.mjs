import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Creates `count` data sources one after another and keeps them all.
 *
 * @returns per data source: its heap in KB (1,024 bytes) after creation (`madeKb`) and after a first statement
 *   (`usedKb`), and the time to create it in ms
 */
export async function measure({ create, destroy }, count) {
  const dataSources = Array.from({ length: count }, () => undefined);
  const before = await usedHeap();
  const started = performance.now();
  for (let n = 0; n < count; n++) dataSources[n] = await create();
  const createMs = (performance.now() - started) / count;
  const made = await usedHeap();
  for (const dataSource of dataSources) await dataSource.query('SELECT 1');
  const used = await usedHeap();
  for (const dataSource of dataSources) await destroy(dataSource);
  return { createMs, madeKb: (made - before) / 1024 / count, usedKb: (used - before) / 1024 / count };
}

/**
 * Heap in bytes, once garbage collection frees no more: closed connections release memory over a few event-loop turns.
 */
async function usedHeap() {
  let used = Infinity;
  for (let turn = 0, freed = Infinity; freed > 1024 && turn < 50; turn++) {
    await delay(20);
    globalThis.gc();
    const now = process.memoryUsage().heapUsed;
    freed = used - now;
    used = now;
  }
  return used;
}

export function medians(samples) {
  const median = (key) => samples.map((sample) => sample[key]).toSorted((a, b) => a - b)[samples.length >> 1];
  return { createMs: median('createMs'), madeKb: median('madeKb'), usedKb: median('usedKb') };
}
