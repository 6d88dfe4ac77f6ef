/** A generator of numbers from 0 to below 1, reproducible for a seed (mulberry32). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Returns a function that chooses a number from 0 to below `count`.
 *
 * @param choice `uniform`, or `zipf`: the n-th has a probability proportional to 1/n (Zipf's law, exponent 1)
 */
export function chooser(choice, count, random) {
  if (choice === 'uniform') return () => Math.floor(random() * count);
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let n = 0; n < count; n++) cumulative[n] = sum += 1 / (n + 1);
  return () => firstAbove(cumulative, random() * sum);
}

function firstAbove(sorted, value) {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
