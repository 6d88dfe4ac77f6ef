// Compares the pool with direct connections and with bare pg.Pool, in one interleaved run of about two minutes.
// Run it with `npm run bench:pool`. What is fair about it and what is not: bench/README.md.
import { Logger } from '@nestjs/common';
import { compare } from './compare.mjs';
import {
  barePool,
  directClients,
  ourPool,
  plainStatements,
  poolWithDeadlines,
  setPerCheckout,
  stampedClients,
} from './contestants.mjs';
import { checkout, readRow } from './load.mjs';
import { aimsTable, environment, save, table } from './report.mjs';
import { startServer } from './server.mjs';

const CALLERS = [1, 16, 64, 256];
const BUSY = 64;
/** Many short rounds: background load on the machine changes within seconds. */
const ROUNDS = 36;

Logger.overrideLogger(['warn', 'error']);
const server = await startServer();
const ours = ourPool(server);
const off = ourPool(server, { reuse: false });
const bare = barePool(server);
const withDeadlines = poolWithDeadlines(server);
try {
  const env = await environment(server.version);
  const direct = await againstDirect();
  const checkouts = await againstPgPool('checkout: acquire a connection, release it', checkout, 40);
  const reads = await againstPgPool('acquire a connection, SELECT 1, release it', readRow, 60);
  const stamps = await stampCost();
  const sections = [direct, checkouts, reads, stamps];
  const aims = checkAims(direct, [checkouts, reads]);
  const text = [...sections.map(table), aimsTable(aims)].join('\n\n');
  console.log(`${text}\n\nSaved as ${await save({ env, sections, aims }, text)}`);
  if (aims.some(({ reached }) => !reached)) process.exitCode = 1;
} finally {
  await Promise.all([ours, off, bare, withDeadlines].map((contestant) => contestant.close()));
  await server.stop();
}

async function againstDirect() {
  const contestants = [ours, off, directClients(server)];
  const groups = [];
  for (const callers of [1, BUSY]) {
    groups.push({ callers, results: await compare(contestants, readRow, { callers, rounds: 8, sliceMs: 250 }) });
  }
  return { title: 'Direct connections: acquire a connection, SELECT 1, release it', groups };
}

async function againstPgPool(description, operationOf, sliceMs) {
  const groups = [];
  for (const callers of CALLERS) {
    const results = await compare([ours, bare, withDeadlines], operationOf, { callers, rounds: ROUNDS, sliceMs });
    groups.push({ callers, results });
  }
  return { title: `pg.Pool, ${description}`, groups };
}

async function stampCost() {
  const contestants = [
    stampedClients(ours),
    plainStatements(bare),
    plainStatements(withDeadlines),
    setPerCheckout(bare),
    setPerCheckout(withDeadlines),
  ];
  const read = ({ run }) => {
    let n = 0;
    return (caller) => run(caller, 'SELECT id, note FROM notes WHERE id = $1', [(n++ % 1_000) + 1]);
  };
  const options = { callers: BUSY, rounds: ROUNDS, sliceMs: 80, withWaits: false };
  return {
    title: 'The stamp: a read by primary key',
    groups: [{ callers: BUSY, results: await compare(contestants, read, options) }],
  };
}

function checkAims({ groups: [alone, busy] }, comparisons) {
  const times = Math.min(...busy.results.slice(1).map(({ ratio }) => ratio.ofMedians));
  const reduction = ({ results: [first, ...others] }) => Math.min(...others.map(({ p50 }) => 1 - first.p50 / p50));
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const shares = comparisons.flatMap(({ title, groups }) =>
    groups.map(({ callers, results }) => {
      const share = results[1].ratio.ofMedians;
      return {
        aim: `${title}, ${callers} callers: at least 0.95 of bare pg.Pool`,
        measured: `${share.toFixed(2)} x`,
        reached: share >= 0.95,
      };
    }),
  );
  return [
    {
      aim: `throughput at ${BUSY} callers at least 10 x direct`,
      measured: `${times.toFixed(1)} x`,
      reached: times >= 10,
    },
    ...[alone, busy].map((group) => ({
      aim: `time to acquire a connection at ${group.callers} callers reduced by 95 %`,
      measured: percent(reduction(group)),
      reached: reduction(group) >= 0.95,
    })),
    ...shares,
  ];
}
