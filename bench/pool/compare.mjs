import { calibrate, load, timed } from './load.mjs';

/**
 * Measures contestants in turn, so that background load on the machine, and the garbage left by the previous
 * contestant, affect all of them alike.
 *
 * @param operationOf creates the operation of a contestant
 * @returns per contestant its medians: operations per second, CPU time in µs, and the wait for a connection in µs (p50,
 *   p99); and as `ratio` the first one's operations per second divided by its own: of the medians, and the quartiles of
 *   the rounds
 */
export async function compare(contestants, operationOf, { callers, rounds, sliceMs, withWaits = true }) {
  const entries = [];
  for (const contestant of contestants) {
    const timedContestant = withWaits ? timed(contestant) : undefined;
    const operation = operationOf(contestant);
    const count = await calibrate(operation, callers, sliceMs);
    entries.push({
      operation,
      count,
      timedContestant,
      timedOperation: timedContestant && operationOf(timedContestant),
      samples: [],
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of inTurn(entries, round)) await sample(entry, callers);
  }
  const [first] = entries;
  return entries.map((entry, n) => {
    const result = { name: contestants[n].name, ...medians(entry.samples) };
    return entry === first ? result : { ...result, ratio: ratioOf(first.samples, entry.samples) };
  });
}

function ratioOf(ours, theirs) {
  const rounds = ours.map(({ perSecond }, round) => perSecond / theirs[round].perSecond).toSorted((a, b) => a - b);
  const ofMedians = medians(ours).perSecond / medians(theirs).perSecond;
  return { ofMedians, quartiles: [quantile(rounds, 0.25), quantile(rounds, 0.75)] };
}

/** A B C, A C B, B C A, B A C, …: every contestant is first as often as last, and follows each of the others. */
function inTurn(entries, round) {
  const first = (round >> 1) % entries.length;
  const turned = [...entries.slice(first), ...entries.slice(0, first)];
  return round % 2 === 0 ? turned : [turned[0], ...turned.slice(1).toReversed()];
}

async function sample({ operation, count, timedContestant, timedOperation, samples }, callers) {
  const result = await load(operation, callers, count);
  samples.push(result);
  if (!timedContestant) return;
  timedContestant.takeWaits();
  await load(timedOperation, callers, Math.min(count, 20_000));
  const waits = timedContestant.takeWaits().toSorted((a, b) => a - b);
  Object.assign(result, { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) });
}

function medians(samples) {
  const keys = Object.keys(samples[0]);
  return Object.fromEntries(keys.map((key) => [key, quantile(valuesOf(samples, key), 0.5)]));
}

function valuesOf(samples, key) {
  return samples.map((sample) => sample[key]).toSorted((a, b) => a - b);
}

/** @param values sorted */
function quantile(values, share) {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
