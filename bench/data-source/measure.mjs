import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Makes `count` data sources one after another and keeps them all. Answers, per data source: the heap it holds in KB
 * (1,024 bytes) once made and once used for a statement, and the time to make it in ms.
 */
export async function measure({ create, destroy }, count) {
  const kept = Array.from({ length: count }, () => undefined);
  const before = await usedHeap();
  const started = performance.now();
  for (let n = 0; n < count; n++) kept[n] = await create();
  const createMs = (performance.now() - started) / count;
  const made = await usedHeap();
  for (const dataSource of kept) await dataSource.query('SELECT 1');
  const used = await usedHeap();
  for (const dataSource of kept) await destroy(dataSource);
  return { createMs, madeKb: (made - before) / 1024 / count, usedKb: (used - before) / 1024 / count };
}

/** Bytes, once collecting frees no more: what was closed before lets go of its memory over a few turns of the loop. */
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
