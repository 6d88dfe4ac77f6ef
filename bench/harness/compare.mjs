import { treeCpuMs, treeRssBytes } from './process-stats.mjs';

const SAMPLE_CONNECTIONS_MS = 200;
/** Requests are prepared in advance: this many times what the fastest round so far has sent … */
const PREPARE_FACTOR = 3;
/** … and at least for this rate: of several workers, one with few callers answers each of them far more often than the average. */
const MIN_PER_SECOND = 4_000;

/**
 * Sends the same requests to each contestant in turn, in short rounds, so that background load on the machine affects
 * all of them alike.
 *
 * @param contestants `{ program, requests, postgres }`, where `requests` overrides options for this contestant, and
 *   `postgres` is its server if it has one of its own; the first one is compared with the others
 * @param requests see `requestsOf`; `compare` sets `seed` and `run`
 * @returns per contestant its medians, and as `ratio` the first one's throughput divided by its own: of the medians,
 *   and the quartiles of the rounds
 */
export async function compare(bench, { contestants, requests, callers, rounds, seconds, warmUpSeconds }) {
  const entries = contestants.map((contestant) => ({ ...contestant, samples: [], prepare: 8_000 * warmUpSeconds }));
  const roundOptions = (entry, round, length) => ({
    url: entry.program.url,
    requests: { ...requests, ...entry.requests, seed: round + 1, run: `R${bench.nextRun()}` },
    callers,
    seconds: length,
    prepare: Math.ceil(entry.prepare),
  });
  for (const entry of entries) {
    const { perSecond } = await bench.load.round(roundOptions(entry, rounds, warmUpSeconds));
    entry.prepare = Math.max(perSecond * PREPARE_FACTOR, MIN_PER_SECOND) * seconds;
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of inTurn(entries, round)) {
      const sample = await measure(entry.postgres ?? bench.postgres, entry.program, () =>
        bench.load.round(roundOptions(entry, round, seconds)),
      );
      entry.samples.push(sample);
      entry.prepare = Math.max(entry.prepare, sample.perSecond * seconds * PREPARE_FACTOR);
    }
  }
  return entries.map((entry) => ({ name: entry.program.name, ...summary(entry.samples), ...ratio(entries[0], entry) }));
}

/** A B C, A C B, B C A, B A C, …: every contestant is first as often as last, and follows each of the others. */
function inTurn(entries, round) {
  const first = (round >> 1) % entries.length;
  const turned = [...entries.slice(first), ...entries.slice(0, first)];
  return round % 2 === 0 ? turned : [turned[0], ...turned.slice(1).toReversed()];
}

async function measure(postgres, program, work) {
  const statements = await postgres.catalogStatements();
  const before = { app: treeCpuMs(program.pid), postgres: treeCpuMs(postgres.pid) };
  const connections = watchConnections(postgres, program);
  const result = await work();
  const app = treeCpuMs(program.pid) - before.app;
  const postgresMs = treeCpuMs(postgres.pid) - before.postgres;
  return {
    ...result,
    appCpuMs: app / result.requests,
    postgresCpuMs: postgresMs / result.requests,
    loadCpuMs: result.cpuMs / result.requests,
    rssMb: treeRssBytes(program.pid) / 2 ** 20,
    connections: await connections.max(),
    catalogStatements: (await postgres.catalogStatements()) - statements,
  };
}

/** A peer has one login role; all other roles are the application's, which creates them with its tenants. */
function watchConnections(postgres, { role }) {
  let max = 0;
  let last = Promise.resolve();
  const isOwn = (name) => (role === undefined ? !name.startsWith('peer_') : name === role);
  const sample = async () => {
    const open = (await postgres.connections()).filter((row) => isOwn(row.role));
    max = Math.max(
      max,
      open.reduce((sum, { count }) => sum + count, 0),
    );
  };
  const timer = setInterval(() => (last = last.then(sample)), SAMPLE_CONNECTIONS_MS);
  return {
    async max() {
      clearInterval(timer);
      await last;
      return max;
    },
  };
}

function summary(samples) {
  const of = (key) => samples.map((sample) => sample[key]).toSorted((a, b) => a - b);
  const medianOf = (key) => quantile(of(key), 0.5);
  const sumOf = (key) => of(key).reduce((sum, value) => sum + value, 0);
  const medians = ['perSecond', 'p50', 'p99', 'appCpuMs', 'postgresCpuMs', 'loadCpuMs'];
  return {
    ...Object.fromEntries(medians.map((key) => [key, medianOf(key)])),
    rssMb: of('rssMb').at(-1),
    connections: of('connections').at(-1),
    catalogPer10k: (sumOf('catalogStatements') * 10_000) / sumOf('requests'),
    /** CPU time of the load generator divided by elapsed time: near 1 it is the bottleneck. */
    loadBusy: sumOf('cpuMs') / (sumOf('seconds') * 1000),
    requests: sumOf('requests'),
    errors: sumOf('errors'),
    isValid: sumOf('errors') === 0,
    samples: samples.map(({ perSecond, p50, p99, errors, statuses }) => ({ perSecond, p50, p99, errors, statuses })),
  };
}

function ratio(first, entry) {
  if (first === entry) return {};
  const rounds = first.samples
    .map(({ perSecond }, round) => perSecond / entry.samples[round].perSecond)
    .toSorted((a, b) => a - b);
  const ofMedians = summary(first.samples).perSecond / summary(entry.samples).perSecond;
  return { ratio: { ofMedians, quartiles: [quantile(rounds, 0.25), quantile(rounds, 0.75)] } };
}

/** @param values sorted */
function quantile(values, share) {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}
