import { calibrate, load, timed } from './load.mjs';

/**
 * Measures contestants in turns (A B C, B C A, …), so that what else the machine does meets all of them alike.
 *
 * @param operationOf makes the operation of a contestant
 * @returns for each contestant its medians: operations per second, CPU µs, and µs waited for a connection (p50, p99)
 */
export async function compare(contestants, operationOf, { callers, rounds, sliceMs, withWaits = true }) {
  const entries = [];
  for (const contestant of contestants) {
    const watched = withWaits ? timed(contestant) : undefined;
    const operation = operationOf(contestant);
    const count = await calibrate(operation, callers, sliceMs);
    entries.push({ operation, count, watched, watchedOperation: watched && operationOf(watched), samples: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) await sample(entries[(round + turn) % entries.length], callers);
  }
  return entries.map(({ samples }, n) => ({ name: contestants[n].name, ...medians(samples) }));
}

async function sample({ operation, count, watched, watchedOperation, samples }, callers) {
  const result = await load(operation, callers, count);
  samples.push(result);
  if (!watched) return;
  watched.takeWaits();
  await load(watchedOperation, callers, Math.min(count, 20_000));
  const waits = watched.takeWaits().toSorted((a, b) => a - b);
  Object.assign(result, { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) });
}

function medians(samples) {
  const keys = Object.keys(samples[0]);
  return Object.fromEntries(keys.map((key) => [key, quantile(valuesOf(samples, key), 0.5)]));
}

function valuesOf(samples, key) {
  return samples.map((sample) => sample[key]).toSorted((a, b) => a - b);
}

/** Of sorted values. */
function quantile(values, share) {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
