// Tenants per second, created over REST until they are served: with one operation, and one request each with 8 requests in
// progress, in turns. Statements are counted on the server, in all databases. Run it with `npm run bench:provisioning`.
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Bench } from '../harness/bench.mjs';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { settingsNote } from '../harness/postgres.mjs';
import { cpuMs, treeCpuMs } from '../harness/process-stats.mjs';
import { environment, heading } from '../report/environment.mjs';
import { aligned, figure } from '../report/markdown.mjs';

const { values } = parseArgs({
  options: {
    row: { type: 'string', default: '1000' },
    schema: { type: 'string', default: '150' },
    single: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '3' },
    statements: { type: 'boolean', default: false },
  },
});
const REQUESTS = 8;
const POLL_MS = 20;

// Not those of the change feed's heartbeat and of the poll for operations, nor this program's own.
const STATEMENTS = `
  SELECT query, sum(calls)::int AS calls, sum(total_exec_time) AS ms FROM pg_stat_statements
  WHERE userid = 'tenantry'::regrole AND toplevel AND query <> 'SELECT' AND query !~ 'AS any_due|pg_terminate_backend'
  GROUP BY query ORDER BY calls DESC`;

const cleanup = new CleanupStack();
try {
  const bench = await Bench.start(cleanup);
  const env = await environment({ postgres: bench.postgres.version }, { pg: 'node_modules/pg' });
  bench.connections = 90;
  const program = await bench.startOurs();
  cleanup.add(() => program.stop());
  const api = apiOf(program.url, bench.secrets.ADMIN_API_KEY);
  const works = Object.entries({ row: Number(values.row), schema: Number(values.schema) }).flatMap(
    ([isolation, count]) => [
      { name: `${isolation}: one operation`, isolation, count, create: createTogether, runs: [] },
      { name: `${isolation}: one request each`, isolation, count: Number(values.single), create: createEach, runs: [] },
    ],
  );
  for (const { isolation } of works) await createTogether(api, tenantsOf(isolation, 1)); // creates what the others share
  for (let round = 0; round < Number(values.rounds); round++) {
    const turns = round % 2 === 0 ? works : works.toReversed();
    for (const work of turns) work.runs.push(await measure(bench.postgres, program, api, work));
  }
  console.log(heading('Provisioning', env, [settingsNote(), `Load average: ${loadavg().map(figure).join(', ')}.`]));
  console.log(aligned([head(), ...works.map(rowOf)]).join('\n'));
} finally {
  await cleanup.run();
}
process.exit(); // signal listeners are still registered

async function measure(postgres, program, api, { isolation, count, create, name }) {
  const tenants = tenantsOf(isolation, count);
  await postgres.client.query('SELECT pg_stat_statements_reset()');
  const [app, server] = [cpuMs(program.child.pid), treeCpuMs(postgres.pid)];
  const started = performance.now();
  await create(api, tenants);
  const seconds = (performance.now() - started) / 1_000;
  const cpu = { app: cpuMs(program.child.pid) - app, server: treeCpuMs(postgres.pid) - server };
  const { rows } = await postgres.client.query(STATEMENTS);
  if (values.statements) {
    console.log(`\n${name}`);
    for (const { query, calls, ms } of rows.slice(0, 60)) {
      console.log(
        `${(calls / count).toFixed(2).padStart(7)} ${(ms / count).toFixed(3).padStart(8)} ms  ${oneLine(query)}`,
      );
    }
  }
  const statements = rows.reduce((sum, { calls }) => sum + calls, 0);
  return {
    perSecond: count / seconds,
    statements: statements / count,
    app: cpu.app / count,
    server: cpu.server / count,
  };
}

async function createTogether(api, tenants) {
  const { headers } = await api('POST', '/admin/v1/tenants/bulk', { tenants });
  await succeeded(api, headers.get('location'));
}

async function createEach(api, tenants) {
  const pending = [...tenants];
  const lane = async () => {
    for (let tenant = pending.shift(); tenant; tenant = pending.shift()) {
      const { headers } = await api('POST', '/admin/v1/tenants', tenant);
      await succeeded(api, headers.get('location'));
    }
  };
  await Promise.all(Array.from({ length: REQUESTS }, lane));
}

async function succeeded(api, location) {
  for (;;) {
    const { body } = await api('GET', location);
    if (body.status === 'succeeded') return;
    if (body.status !== 'pending' && body.status !== 'running') throw new Error(JSON.stringify(body.error));
    await delay(POLL_MS);
  }
}

function apiOf(url, key) {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return { headers: response.headers, body: JSON.parse(text) };
  };
}

function tenantsOf(isolation, count) {
  const batch = Math.random().toString(36).slice(2, 8);
  return Array.from({ length: count }, (_, n) => ({ slug: `${isolation}-${batch}-${n}`, isolation }));
}

function head() {
  return ['', 'tenants', 'per second', 'lowest', 'highest', 'statements', 'app CPU ms', 'PostgreSQL CPU ms'];
}

function rowOf({ name, count, runs }) {
  const rates = runs.map(({ perSecond }) => perSecond).toSorted((a, b) => a - b);
  const medianOf = (key) => runs.map((run) => run[key]).toSorted((a, b) => a - b)[Math.floor(runs.length / 2)];
  const cells = [
    medianOf('perSecond'),
    rates[0],
    rates.at(-1),
    medianOf('statements'),
    medianOf('app'),
    medianOf('server'),
  ];
  return [name, String(count), ...cells.map(figure)];
}

function oneLine(query) {
  return query.replaceAll(/\s+/g, ' ').slice(0, 130);
}
