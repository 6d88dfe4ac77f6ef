// One tenant's rows from one database to another by the copier, as a whole and in ranges, and compared afterwards, against
// `pg_dump | psql`, in turns, on Debian's PostgreSQL, whose pg_dump only reads servers of its own version. Run it with
// `npm run bench:copy`.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyRows } from '../../dist/database/copy/copy-rows.js';
import { copyNotedRows } from '../../dist/database/copy/resuming/copy-noted-rows.js';
import { ensureGateObjects } from '../../dist/database/gates/gate-objects.js';
import { ensureIsolationFunctions } from '../../dist/database/isolation/isolation-functions.js';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { settingsNote } from '../harness/postgres.mjs';
import { DEBIAN, startDebian } from '../isolation/debian-postgres.mjs';
import { environment, heading } from '../report/environment.mjs';
import { aligned, figure } from '../report/markdown.mjs';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
});
const ROWS = Number(values.rows);
const TENANT = randomUUID();
const TABLES = ['customers', 'orders', 'lines'];

const SCHEMA = `CREATE SCHEMA shop;
  CREATE TABLE shop.customers (tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL, email text NOT NULL,
    since timestamptz NOT NULL, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, email));
  CREATE TABLE shop.orders (tenant_id uuid NOT NULL, id bigint NOT NULL, customer_id uuid NOT NULL, status text NOT NULL, total numeric(12, 2) NOT NULL,
    details jsonb NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, customer_id) REFERENCES shop.customers);
  CREATE INDEX ON shop.orders (tenant_id, customer_id);
  CREATE TABLE shop.lines (tenant_id uuid NOT NULL, order_id bigint NOT NULL, nr int NOT NULL, product text NOT NULL, quantity int NOT NULL,
    price numeric(10, 2) NOT NULL, PRIMARY KEY (tenant_id, order_id, nr), FOREIGN KEY (tenant_id, order_id) REFERENCES shop.orders)`;

// Of twenty rows, one is a customer, five are orders, and the others are lines.
const FILL = `
  INSERT INTO shop.customers SELECT '${TENANT}', md5(n::text)::uuid, 'Customer ' || n, 'c' || n || '@example.com', now() - n * interval '1 min'
  FROM generate_series(0, ${ROWS / 20 - 1}) n;
  INSERT INTO shop.orders SELECT '${TENANT}', n, md5((n % ${ROWS / 20})::text)::uuid, 'paid', n * 1.25, jsonb_build_object('note', repeat('n', n % 50), 'n', n), now()
  FROM generate_series(1, ${ROWS / 4}) n;
  INSERT INTO shop.lines SELECT '${TENANT}', 1 + n % ${ROWS / 4}, n, 'Product ' || n % 1000, n % 9, n % 100 * 1.1
  FROM generate_series(1, ${ROWS * 0.7}) n;
  VACUUM ANALYZE shop.customers, shop.orders, shop.lines`;

if (!existsSync(DEBIAN)) throw new Error(`no ${DEBIAN}: install postgresql-15`);
const cleanup = new CleanupStack();
try {
  const postgres = await startDebian(cleanup);
  const env = await environment(
    { postgres: postgres.version },
    { pg: 'node_modules/pg', 'pg-copy-streams': 'node_modules/pg-copy-streams' },
  );
  const [source, destination] = [await makeDatabase(postgres, 'source'), await makeDatabase(postgres, 'destination')];
  for (const statement of FILL.split(';')) await source.query(statement);
  const contestants = [
    { name: 'copier, rows compared', seconds: [], copy: () => copyWithOurs(source, destination) },
    { name: 'copier, in ranges', seconds: [], copy: () => copyInRanges(source, destination) },
    { name: 'pg_dump | psql', seconds: [], copy: () => copyWithPsql(postgres) },
  ];
  for (let round = 0; round < Number(values.rounds); round++) {
    const turns = round % 2 === 0 ? contestants : contestants.toReversed();
    for (const contestant of turns) contestant.seconds.push(await measure(destination, contestant.copy));
  }
  const theirs = median(contestants.at(-1).seconds);
  const rows = contestants.map(({ name, seconds }) => [
    name,
    ...[median(seconds), Math.min(...seconds), Math.max(...seconds)].map(figure),
    figure(ROWS / median(seconds)),
    `${(theirs / median(seconds)).toFixed(2)} x`,
  ]);
  const notes = [settingsNote(), `${ROWS} rows. Load average: ${loadavg().map(figure).join(', ')}.`];
  console.log(heading('Copy', env, notes));
  console.log(aligned([['', 'seconds', 'shortest', 'longest', 'rows per second', 'throughput'], ...rows]).join('\n'));
} finally {
  await cleanup.run();
}
process.exit(); // signal listeners are still registered

async function makeDatabase(postgres, name) {
  await postgres.client.query(`CREATE DATABASE ${name}`);
  const client = await postgres.connect(name);
  cleanup.add(() => client.end());
  await client.query(SCHEMA);
  await ensureIsolationFunctions(client);
  await ensureGateObjects(client);
  return client;
}

/** Into empty tables, after a checkpoint, and only if all rows have arrived. */
async function measure(destination, copy) {
  await destination.query(`TRUNCATE ${TABLES.map((table) => `shop.${table}`).join(', ')}`);
  await destination.query('CHECKPOINT');
  const started = performance.now();
  await copy();
  const seconds = (performance.now() - started) / 1_000;
  const counts = TABLES.map((table) => `(SELECT count(*) FROM shop.${table})`).join(' + ');
  const { rows } = await destination.query(`SELECT (${counts})::int AS n`);
  if (rows[0].n !== ROWS) throw new Error(`${rows[0].n} rows instead of ${ROWS}`);
  return seconds;
}

async function copyWithOurs(source, destination) {
  const place = { schema: 'shop', isAlone: true };
  const { signal } = new AbortController();
  await copyRows({ ...place, client: source }, { ...place, client: destination }, TENANT, { signal });
}

/** As a move copies, whose changes are noted: here there are none. */
async function copyInRanges(source, destination) {
  const place = { schema: 'shop', isAlone: true };
  const options = { signal: new AbortController().signal, copyId: randomUUID() };
  await copyNotedRows({ ...place, client: source }, { ...place, client: destination }, TENANT, options);
}

/** In one transaction, as a careful operator would. */
async function copyWithPsql(postgres) {
  const programs = dirname(DEBIAN);
  const tables = TABLES.flatMap((table) => ['-t', `shop.${table}`]);
  const dump = spawn(join(programs, 'pg_dump'), ['--data-only', ...tables, postgres.urlOf({ database: 'source' })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const options = ['-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', postgres.urlOf({ database: 'destination' })];
  const psql = spawn(join(programs, 'psql'), options, { stdio: [dump.stdout, 'ignore', 'inherit'] });
  dump.stdout.destroy(); // psql has it
  for (const [name, child] of Object.entries({ pg_dump: dump, psql })) {
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`${name} ended with ${code}`);
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
