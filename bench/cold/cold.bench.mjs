// Times the first read of a tenant that has a database and login role of its own, against node-postgres connecting to such
// a database and sending the same statement, in one interleaved run of half a minute. Run it with `npm run bench:cold`.
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { ConnectionPools } from '../../dist/database/pool/connection-pools.js';
import { TenantAccess } from '../../dist/database/statements/tenant-access.js';
import { StampedClient } from '../../dist/database/transactions/stamped-client.js';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { POOL_CONFIG } from '../pool/contestants.mjs';
import { environment, heading } from '../report/environment.mjs';
import { aligned } from '../report/markdown.mjs';
import { makeDatabases } from './databases.mjs';

const ROUNDS = 40;
/** Rounds that are not timed, while code is compiled. */
const WARM_UP = 10;
const READ = 'SELECT number, total FROM tenant.orders WHERE id = $1';

Logger.overrideLogger(['warn', 'error']);
const cleanup = new CleanupStack();
try {
  const postgres = await Postgres.start(cleanup);
  const env = await environment({ postgres: postgres.version }, { pg: 'node_modules/pg' });
  const databases = await makeDatabases(postgres, (ROUNDS + WARM_UP) * 3);
  const pools = new ConnectionPools({ pool: { ...POOL_CONFIG, size: 2, serverMaxConnections: 300, enabled: true } });
  cleanup.add(() => pools.close(5_000));
  const ours = { name: "ours: a cold tenant's first read", times: [], read: firstRead(pools, false) };
  const full = { name: 'ours, with the check of a shared database', times: [], read: firstRead(pools, true) };
  const bare = { name: 'bare pg: connect and query', times: [], read: bareRead };
  const contestants = [ours, full, bare];
  await takeTurns(contestants, databases);
  const rows = contestants.map(({ name, times }) => [
    name,
    ...[0.25, 0.5, 0.75].map((at) => ms(quantile(times, at))),
    `${(quantile(times, 0.5) / quantile(bare.times, 0.5)).toFixed(2)} x`,
  ]);
  console.log(`${heading('Cold tenants', env)}

${aligned([['', 'p25', 'p50', 'p75', 'p50 / bare'], ...rows]).join('\n')}`);
} finally {
  await cleanup.run();
}

/** No database is read twice: a second client would find its pages in memory. */
async function takeTurns(contestants, databases) {
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const { times, read } = contestants[(round + turn) % contestants.length];
      const elapsed = await read(databases[round * contestants.length + turn], (round % 200) + 1);
      if (round >= WARM_UP) times.push(elapsed);
    }
  }
}

function firstRead(pools, shared) {
  return async ({ host, port, database, role, password, stamp }, id) => {
    const server = { id: 'bench', host, port, tls: 'disable' };
    const target = { id: database, version: '1', shared, server, database, role, password };
    const started = performance.now();
    const access = new TenantAccess(pools.get(target), stamp, { maxConcurrent: 2, maxQueued: 100 });
    const { rows } = await new StampedClient(access).query(READ, [id]);
    const elapsed = performance.now() - started;
    check(rows, id);
    pools.forget(database);
    return elapsed;
  };
}

/** As a superuser with a password, whom no policy restrains: SCRAM, as for the login roles. */
async function bareRead({ superuserUrl }, id) {
  const started = performance.now();
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  const { rows } = await client.query(READ, [id]);
  const elapsed = performance.now() - started;
  check(rows, id);
  await client.end();
  return elapsed;
}

function check(rows, id) {
  if (rows.length !== 1 || rows[0].number !== `A-${id}`) throw new Error('read a wrong order');
}

function quantile(times, at) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * at)];
}

function ms(value) {
  return `${value.toFixed(1)} ms`;
}
