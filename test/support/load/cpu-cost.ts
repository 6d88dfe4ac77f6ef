const RUNS = 5;

/**
 * The CPU time that synchronous work takes, in µs. CPU time rather than wall-clock time, because other processes share
 * the machine; the smallest of several runs, because the compiler and the garbage collector only ever add to it.
 *
 * @param prepare makes the input, which is not measured, and returns the work
 */
export function cpuMicros(prepare: () => () => void): number {
  const measured = Array.from({ length: RUNS }, () => {
    const work = prepare();
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.min(...measured);
}

/**
 * How many times more CPU the work takes for `factor` times the input, both measured in this run: about `factor` when the
 * cost is linear, about its square when it is quadratic.
 *
 * @param prepare makes an input of that size, which is not measured, and returns the work
 */
export function costGrowth(size: number, factor: number, prepare: (size: number) => () => void): number {
  cpuMicros(() => prepare(size)); // compiled from here on
  return cpuMicros(() => prepare(size * factor)) / cpuMicros(() => prepare(size));
}
