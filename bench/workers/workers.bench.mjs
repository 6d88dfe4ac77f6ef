// Compares WORKERS=2 with WORKERS=1, both as `npm start` runs the application, in one interleaved run of two to three minutes.
// Run it with `npm run bench:workers`; `-- --workers 4 --rounds 9 --seconds 3 --only read`. What it shows: bench/README.md.
import { parseArgs } from 'node:util';
import { Logger } from '@nestjs/common';
import { Bench } from '../harness/bench.mjs';
import { check } from '../harness/check.mjs';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { compare } from '../harness/compare.mjs';
import { processTree, rssBytes } from '../harness/process-stats.mjs';
import { touch } from '../harness/touch.mjs';
import { environment, heading } from '../report/environment.mjs';
import { aligned, figure } from '../report/markdown.mjs';

const TENANTS = 1_000;
const ORDERS = 25;
const CONNECTIONS = 40;
const CALLERS = 64;
const WORKERS_WITHIN_MS = 60_000;
const HEAD = [
  'work',
  'contestant',
  'per second',
  'workers : this',
  'quartiles',
  'p99 ms',
  'app CPU ms',
  'PG CPU ms',
  'errors',
];

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    only: { type: 'string', default: 'read,list,mix,insert' },
  },
});
const [workers, rounds, seconds] = [values.workers, values.rounds, values.seconds].map(Number);

Logger.overrideLogger(['error']);
const cleanup = new CleanupStack();
try {
  const bench = await Bench.start(cleanup);
  const env = await environment({ postgres: bench.postgres.version }, {});
  await bench.makeFixtures({ counts: { row: TENANTS }, orders: ORDERS, connections: CONNECTIONS });
  const contestants = [];
  for (const count of [workers, 1]) contestants.push({ program: await start(bench, count) });
  const fixtures = { group: 'row', orders: ORDERS, tenants: TENANTS };
  for (const contestant of contestants) await check(contestant, { ...fixtures, tenants: 1 }, `C${bench.nextRun()}`);
  // Several times, because each worker has a memory tier of its own, and its connections come in turn.
  for (const { program } of contestants) for (let n = 0; n < workers; n++) await touch(program, fixtures);
  const rows = [];
  for (const work of values.only.split(',')) {
    const requests = { ...fixtures, choice: 'uniform', work };
    const results = await compare(bench, {
      ...{ contestants, requests, callers: CALLERS },
      ...{ rounds, seconds, warmUpSeconds: seconds },
    });
    rows.push(...results.map((result) => rowOf(work, result)));
    if (results.some(({ isValid }) => !isValid)) process.exitCode = 1;
  }
  const notes = [
    `${TENANTS} row tenants, ${CALLERS} callers, ${rounds} rounds of ${seconds} s; the load generator and PostgreSQL share the cores.`,
  ];
  console.log(`${heading('Workers', env, notes)}\n${aligned([HEAD, ...rows]).join('\n')}\n`);
  for (const { program } of contestants) console.log(memoryLine(program));
} finally {
  await cleanup.run();
}
process.exit(); // signal listeners are still registered

/** `compare` divides the first contestant, which has the workers, by the other. */
function rowOf(work, { name, perSecond, ratio, p99, appCpuMs, postgresCpuMs, errors }) {
  return [
    ...[work, name, figure(perSecond), ratio ? `${ratio.ofMedians.toFixed(2)} x` : ''],
    ...[ratio?.quartiles.map((quartile) => quartile.toFixed(2)).join(' - ') ?? '', figure(p99)],
    ...[figure(appCpuMs), figure(postgresCpuMs), String(errors)],
  ];
}

async function start(bench, count) {
  const program = await bench.startOurs({ WORKERS: String(count) }, { name: `WORKERS=${count}` });
  cleanup.add(() => program.stop());
  await allListen(program.url, count, bench.secrets);
  return program;
}

/** The port is open once the first worker listens. */
async function allListen(url, count, { ADMIN_API_KEY }) {
  const headers = { authorization: `Bearer ${ADMIN_API_KEY}`, connection: 'close' };
  const pids = new Set();
  for (const deadline = Date.now() + WORKERS_WITHIN_MS; pids.size < count;) {
    if (Date.now() > deadline) throw new Error(`${pids.size} of ${count} workers answer`);
    const response = await fetch(`${url}/admin/v1/runtime`, { headers });
    pids.add((await response.json()).pid);
  }
}

/** With workers the first process is the primary. */
function memoryLine({ name, pid }) {
  const megabytes = processTree(pid).map((each) => Math.round(rssBytes(each) / 2 ** 20));
  return `${name}: RSS ${megabytes.join(' + ')} MB at the end`;
}
