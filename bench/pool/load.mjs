import { performance } from 'node:perf_hooks';

/** Acquires a connection and releases it. */
export function checkout({ acquire, release }) {
  return async (caller) => {
    const released = release(await acquire(caller));
    if (released) await released;
  };
}

/** Acquires a connection, reads one row, and releases the connection. */
export function readRow({ acquire, clientOf, release }) {
  return async (caller) => {
    const connection = await acquire(caller);
    await clientOf(connection).query('SELECT 1');
    const released = release(connection);
    if (released) await released;
  };
}

/** Wraps a contestant and records how long each caller waited for its connection, in µs. */
export function timed(contestant) {
  const waits = [];
  const acquire = async (caller) => {
    const since = performance.now();
    const connection = await contestant.acquire(caller);
    waits.push((performance.now() - since) * 1_000);
    return connection;
  };
  return { ...contestant, acquire, takeWaits: () => waits.splice(0) };
}

/**
 * Runs `count` operations, shared by `callers`, each of which runs one at a time.
 *
 * @returns operations per second, and this process's CPU time per operation in µs
 */
export async function load(operation, callers, count) {
  let left = count;
  const call = async (caller) => {
    while (left-- > 0) await operation(caller);
  };
  const cpu = process.cpuUsage();
  const since = performance.now();
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  const seconds = (performance.now() - since) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: count / seconds, cpuUs: (user + system) / count };
}

/** The number of operations that take about `sliceMs`, at least two per caller. Also warms up the compiler. */
export async function calibrate(operation, callers, sliceMs) {
  await load(operation, callers, callers * 2);
  const { perSecond } = await load(operation, callers, callers * 2);
  const { perSecond: warm } = await load(operation, callers, countFor(perSecond, callers, sliceMs));
  return countFor(warm, callers, sliceMs);
}

function countFor(perSecond, callers, sliceMs) {
  return Math.max(callers * 2, Math.round((perSecond * sliceMs) / 1_000));
}
