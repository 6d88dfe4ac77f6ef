/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
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
 * A way to choose one of `count` things.
 *
 * @param choice `uniform`, or `zipf`: the n-th is chosen with a probability in proportion to 1/n (Zipf's law, exponent 1)
 */
export function chooser(choice, count, random) {
  if (choice === 'uniform') return () => Math.floor(random() * count);
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let n = 0; n < count; n++) upTo[n] = sum += 1 / (n + 1);
  return () => firstAbove(upTo, random() * sum);
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
