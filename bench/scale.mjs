// Measures what grows with the number of tenants, and what does not: `npm run bench:scale`. Memory, start-up time and
// p99 at 10, 1,000 and 10,000 row tenants; the first request of a cold tenant, on a shared target and on its own
// database.
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { coldTenants } from './scale/cold-tenants.mjs';
import { Bench } from './harness/bench.mjs';
import { CleanupStack } from './harness/cleanup-stack.mjs';
import { settingsNote } from './harness/postgres.mjs';
import { environment, heading } from './report/environment.mjs';
import { saveResults } from './report/save-results.mjs';
import { aligned, aimsTable, figure } from './report/markdown.mjs';
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
  tenants,
  starts: Number(values.starts),
  cold: Number(values.cold),
  orders: 25,
  callers: Number(values.callers),
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
};
const cleanup = new CleanupStack();
Logger.overrideLogger(['error']);
try {
  const bench = await Bench.start(cleanup);
  const env = await environment({ postgres: bench.postgres.version }, PACKAGES);
  const counts = { row: Math.max(...tenants), database: options.cold };
  await bench.makeFixtures({ counts, orders: options.orders, connections: 90 });
  const loaded = await latency(bench, options);
  const cold = await coldTenants(bench, options);
  const grown = await growth(bench, options); // last: it deletes most tenants
  const aims = checkAims(grown, loaded, cold);
  const text = [growthTable(grown), latencyTable(loaded), coldTable(cold), aimsTable(aims)].join('\n\n');
  console.log(text);
  const data = { ...env, options, growth: grown, latency: loaded, cold, aims };
  console.log(
    `\nSaved as ${await saveResults(values.keep, `${heading('Scale bench', env, [settingsNote()])}\n${text}`, data)}`,
  );
} finally {
  await cleanup.run();
}
process.exit(); // signal listeners are still registered

function growthTable(rows) {
  const head = [
    'active tenants',
    'start ms',
    'heap MB',
    'RSS MB',
    'bytes per additional tenant',
    'tenant connections',
    'catalog connections',
  ];
  const cells = rows.map((row) => [
    String(row.tenants),
    ...[row.startMs, row.heapMb, row.rssMb, row.bytesPerTenant].map(figure),
    ...[row.connections.tenants, row.connections.catalog].map(figure),
  ]);
  return ['## Memory and start-up time', '', ...aligned([head, ...cells])].join('\n');
}

function latencyTable(rows) {
  const head = ['tenants', 'work', 'per second', 'p50 ms', 'p99 ms', 'p99 : fewest tenants', 'errors'];
  const cells = rows.map((row) => [
    String(row.tenants),
    row.work,
    ...[row.perSecond, row.p50, row.p99, row.p99 / rows.find(({ work }) => work === row.work).p99, row.errors].map(
      figure,
    ),
  ]);
  return [`## The same load over more tenants, ${options.callers} callers`, '', ...aligned([head, ...cells])].join(
    '\n',
  );
}

function coldTable(rows) {
  const head = ['first request', 'n', 'p50 ms', 'p90 ms', 'max ms'];
  const cells = rows.map((row) => [row.name, ...[row.count, row.p50, row.p90, row.worst].map(figure)]);
  return ['## Cold tenants, one at a time', '', ...aligned([head, ...cells])].join('\n');
}

function checkAims(grown, loaded, cold) {
  const [shared, own, bare] = cold;
  const last = grown.at(-1);
  return [
    [`memory per additional tenant: at most 4 KB`, last.bytesPerTenant, 4096, 'bytes'],
    [`connections for ${last.tenants} tenants: at most 15`, last.connections.tenants, 15, 'plus those of the catalog'],
    [`p99 over ${last.tenants} tenants: within 2 x of ${grown[0].tenants}`, loaded[1].p99 / loaded[0].p99, 2, 'x'],
    ['cold tenant on a shared target: under 5 ms', shared.p50, 5, 'ms'],
    ['cold tenant on its own database: under 1.3 x bare pg connect and query', own.p50 / bare.p50, 1.3, 'x'],
  ].map(([aim, value, max, unit]) => ({ aim, measured: `${figure(value)} ${unit}`, reached: value <= max }));
}
