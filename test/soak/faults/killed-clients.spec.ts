import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { BusyProcess } from '../../support/faults/busy-process.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';

/** Connections of one process. */
const LIMIT = 10;
const RESTARTS = 4;
let postgres: PrivatePostgres;
const started: BusyProcess[] = [];

beforeAll(async () => {
  postgres = await PrivatePostgres.start();
});

afterAll(async () => {
  for (const busy of started) await busy.kill();
  await postgres.stop();
});

it('backends of killed processes end long before their statements, so that the limit holds again', async () => {
  let most = 0;
  let killedAt = 0;
  for (let n = 0; n < RESTARTS; n += 1) {
    const busy = await startBusy();
    most = Math.max(most, await postgres.backends());
    await busy.kill();
    killedAt = performance.now();
  }
  await startBusy();
  await soon(async () => expect(await postgres.backends()).toBe(LIMIT)); // of the last process, which is running
  printFaultRow({
    fault: `a process is killed (SIGKILL) ${RESTARTS} times in a row, with all its connections in statements of 2 minutes`,
    callers: 'their connections break; the next process serves',
    probes: 'none while nothing listens',
    operators: `up to ${most} connections of a limit of ${LIMIT}`,
    lasts: `${((performance.now() - killedAt) / 1000).toFixed(1)} s after the last kill until the limit held again`,
  });
});

/** Resolves when all its connections are in statements of two minutes. */
async function startBusy(): Promise<BusyProcess> {
  const texts = Array.from({ length: LIMIT }, () => 'SELECT pg_sleep(120)');
  const busy = BusyProcess.start({ target: postgres.target, limit: LIMIT, statementTimeoutMs: 180_000, texts });
  started.push(busy);
  await soon(async () => expect(busy.counts.running).toBe(LIMIT));
  return busy;
}
