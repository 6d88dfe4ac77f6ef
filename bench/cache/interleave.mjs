/**
 * Takes samples of the contestants in turn (A B C, B C A, …), so that background load on the machine affects all of
 * them alike.
 *
 * @param samplers one function per contestant that returns a sample: an object of numbers
 * @returns per contestant the median of each number
 */
export async function interleave(samplers, rounds) {
  const samples = samplers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < samplers.length; turn++) {
      const n = (round + turn) % samplers.length;
      samples[n].push(await samplers[n]());
    }
  }
  return samples.map(medians);
}

function medians(samples) {
  return Object.fromEntries(Object.keys(samples[0]).map((key) => [key, median(samples.map((sample) => sample[key]))]));
}

function median(values) {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @param values sorted */
export function quantile(values, share) {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
