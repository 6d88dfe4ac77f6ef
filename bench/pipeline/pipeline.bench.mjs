// Compares our pipelining with node-postgres' `pipeline: true`, and both with a round trip per command, in one interleaved
// run of about two minutes: a read by key under a signed stamp. Run it with `npm run bench:pipeline`. It prints the
// figures and the behaviour of docs/decisions/0039.
import { Logger } from '@nestjs/common';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { compare } from '../pool/compare.mjs';
import { load } from '../pool/load.mjs';
import { table } from '../pool/report.mjs';
import { environment, heading } from '../report/environment.mjs';
import { aligned } from '../report/markdown.mjs';
import { ourPipeline, ourPool, pgPool, pgQueue, pgSessionStamps, pgTransactions } from './contestants.mjs';
import { probe } from './probes.mjs';
import { makeTenants, readOrder } from './tenants.mjs';

const CALLERS = [1, 16, 64];
const CONNECTIONS = 10;
/** Many short rounds: background load on the machine changes within seconds. */
const ROUNDS = 36;
const SLICE_MS = 60;

Logger.overrideLogger(['warn', 'error']);
const cleanup = new CleanupStack();
try {
  const postgres = await Postgres.start(cleanup);
  const env = await environment({ postgres: postgres.version }, { pg: 'node_modules/pg' });
  const owner = await postgres.connect();
  cleanup.add(() => owner.end());
  const { config, stamps } = await makeTenants(owner, postgres.url);
  const contestants = await makeContestants({ config, stamps, connections: CONNECTIONS });
  console.log(heading('Pipelining', env));
  console.log(`${table(await measure(contestants, stamps))}\n\n## What becomes of a statement\n`);
  console.log(aligned(await probe(contestants, owner)).join('\n'));
} finally {
  await cleanup.run();
}

async function makeContestants(options) {
  const contestants = [
    await ourPipeline(options),
    ourPool(options),
    await pgQueue(options),
    await pgQueue(options, { coalesce: true }),
    await pgTransactions(options),
    await pgSessionStamps(options),
    await pgPool(options),
  ];
  for (const { close } of contestants) cleanup.add(close);
  return contestants.map((contestant) => ({ ...options, ...contestant }));
}

async function measure(contestants, stamps) {
  const operationOf = (contestant) => readOrder(contestant, stamps);
  const withCallers = (callers) =>
    compare(contestants, operationOf, { callers, rounds: ROUNDS, sliceMs: SLICE_MS, withWaits: false });
  // Ours prepares a text on shared connections once two tenants have sent it.
  const groups = [{ callers: '1, of the only tenant', results: await withCallers(1) }];
  for (const contestant of contestants) await load(operationOf(contestant), stamps.length * 2, 5_000);
  for (const callers of CALLERS) groups.push({ callers, results: await withCallers(callers) });
  return { title: `A read by key under a signed stamp, ${CONNECTIONS} connections`, groups };
}
