// What grows with the number of tenants, and what does not: `npm run bench:scale`. Memory, start-up time and p99 at 10, 1,000
// and 10,000 row tenants; the first request of a cold tenant, on a shared target and on a database of its own.
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { coldTenants } from './scale/cold-tenants.mjs';
import { Bench } from './harness/bench.mjs';
import { Closing } from './harness/closing.mjs';
import { settingsNote } from './harness/postgres.mjs';
import { environment, heading } from './report/environment.mjs';
import { keep } from './report/keep.mjs';
import { aligned, figure, verdicts } from './report/markdown.mjs';
import { growth, latency } from './scale/measures.mjs';
import { PACKAGES } from './comparison/section-table.mjs';

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '10,1000,10000' },
    starts: { type: 'string', default: '5' },
    cold: { type: 'string', default: '80' },
    callers: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
    keep: { type: 'string', default: 'scale' },
  },
});
const tenants = values.tenants.split(',').map(Number);
const options = {
  ...{ tenants, starts: Number(values.starts), cold: Number(values.cold), orders: 25 },
  ...{ callers: Number(values.callers), rounds: Number(values.rounds), seconds: Number(values.seconds) },
};
const closing = new Closing();
Logger.overrideLogger(['error']);
try {
  const bench = await Bench.start(closing);
  const env = await environment({ postgres: bench.postgres.version }, PACKAGES);
  const counts = { row: Math.max(...tenants), database: options.cold };
  await bench.makeFixtures({ counts, orders: options.orders, connections: 90 });
  const busy = await latency(bench, options);
  const cold = await coldTenants(bench, options);
  const grown = await growth(bench, options); // leaves few tenants behind
  const aims = judge(grown, busy, cold);
  const text = [growthTable(grown), latencyTable(busy), coldTable(cold), verdicts(aims)].join('\n\n');
  console.log(text);
  const data = { ...env, options, growth: grown, latency: busy, cold, aims };
  console.log(
    `\nKept as ${await keep(values.keep, `${heading('Scale bench', env, [settingsNote()])}\n${text}`, data)}`,
  );
} finally {
  await closing.all();
}
process.exit(); // signals are listened for

function growthTable(rows) {
  const head = [
    'tenants touched',
    'start ms',
    'heap MB',
    'RSS MB',
    'bytes per further tenant',
    'connections',
    'of the catalog',
  ];
  const cells = rows.map((row) => [
    String(row.tenants),
    ...[row.startMs, row.heapMb, row.rssMb, row.bytesPerTenant].map(figure),
    ...[row.connections.tenants, row.connections.catalog].map(figure),
  ]);
  return ['## Memory and start-up time', '', ...aligned([head, ...cells])].join('\n');
}

function latencyTable(rows) {
  const head = ['tenants', 'work', 'per second', 'p50 ms', 'p99 ms', 'p99 : few', 'errors'];
  const cells = rows.map((row) => [
    ...[String(row.tenants), row.work],
    ...[row.perSecond, row.p50, row.p99, row.p99 / rows.find(({ work }) => work === row.work).p99, row.errors].map(
      figure,
    ),
  ]);
  return [`## The same load over more tenants, ${options.callers} callers`, '', ...aligned([head, ...cells])].join(
    '\n',
  );
}

function coldTable(rows) {
  const head = ['first request of a tenant', 'n', 'p50 ms', 'p90 ms', 'worst ms'];
  const cells = rows.map((row) => [row.name, ...[row.count, row.p50, row.p90, row.worst].map(figure)]);
  return ['## Cold tenants, one at a time', '', ...aligned([head, ...cells])].join('\n');
}

function judge(grown, busy, cold) {
  const [shared, own, bare] = cold;
  const last = grown.at(-1);
  return [
    [`memory per further tenant: at most 4 KB`, last.bytesPerTenant, 4096, 'bytes'],
    [`connections for ${last.tenants} tenants: at most 15`, last.connections.tenants, 15, 'and the catalog’s own'],
    [`p99 over ${last.tenants} tenants: within 2 x of ${grown[0].tenants}`, busy[1].p99 / busy[0].p99, 2, 'x'],
    ['cold tenant on a shared target: under 5 ms', shared.p50, 5, 'ms'],
    ['cold tenant on its own database: under 1.3 x bare pg connect and query', own.p50 / bare.p50, 1.3, 'x'],
  ].map(([aim, value, most, unit]) => ({ aim, measured: `${figure(value)} ${unit}`, reached: value <= most }));
}
