import { performance } from 'node:perf_hooks';

/** Gets a connection and gives it back. */
export function checkout({ get, put }) {
  return async (caller) => {
    const done = put(await get(caller));
    if (done) await done;
  };
}

/** Gets a connection, reads one row over it, and gives it back. */
export function readRow({ get, clientOf, put }) {
  return async (caller) => {
    const lent = await get(caller);
    await clientOf(lent).query('SELECT 1');
    const done = put(lent);
    if (done) await done;
  };
}

/** Like another contestant, and writes down how long each caller waited for its connection, in µs. */
export function timed(contestant) {
  const waits = [];
  const get = async (caller) => {
    const since = performance.now();
    const lent = await contestant.get(caller);
    waits.push((performance.now() - since) * 1_000);
    return lent;
  };
  return { ...contestant, get, takeWaits: () => waits.splice(0) };
}

/**
 * Lets `callers` do `count` operations between them, each one after another.
 *
 * @returns operations per second, and the CPU time of this process per operation in µs
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

/** How many operations take about `sliceMs`, and enough for every caller to have some; compiles them on the way. */
export async function calibrate(operation, callers, sliceMs) {
  await load(operation, callers, callers * 2);
  const { perSecond } = await load(operation, callers, callers * 2);
  const { perSecond: warm } = await load(operation, callers, countFor(perSecond, callers, sliceMs));
  return countFor(warm, callers, sliceMs);
}

function countFor(perSecond, callers, sliceMs) {
  return Math.max(callers * 2, Math.round((perSecond * sliceMs) / 1_000));
}
