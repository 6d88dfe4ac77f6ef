import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';

/** Connections of one process. */
const LIMIT = 10;
const RESTARTS = 4;
const BUILT = new URL('../../../dist/database/', import.meta.url);

/** A process that uses all its connections for statements of two minutes. */
const BUSY = `
  const { ServerBudget } = await import('${BUILT.href}budget/server-budget.js');
  const { TargetPool } = await import('${BUILT.href}pool/target-pool.js');
  const { target, options } = JSON.parse(process.env.POOL);
  const pool = new TargetPool({ target, options, budget: new ServerBudget(${LIMIT}) });
  const share = { maxConcurrent: ${LIMIT}, maxQueued: 0 };
  for (let n = 0; n < ${LIMIT}; n += 1) {
    const { client } = await pool.acquire({ tenantId: 'any', share, hold: 'statement' });
    void client.query('SELECT pg_sleep(120)').catch(() => undefined);
  }
  console.log('busy');`;

let postgres: PrivatePostgres;
const children: ChildProcess[] = [];

beforeAll(async () => {
  postgres = await PrivatePostgres.start();
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await postgres.stop();
});

it('backends of killed processes end long before their statements, so that the limit holds again', async () => {
  let most = 0;
  for (let n = 0; n < RESTARTS; n += 1) {
    const child = await startBusy();
    most = Math.max(most, await postgres.backends());
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await startBusy();
  const startedAt = performance.now();
  await soon(async () => expect(await postgres.backends()).toBe(LIMIT)); // of the last process, which is running
  printFaultRow({
    fault: `a process is killed (SIGKILL) ${RESTARTS} times in a row, with all its connections in statements of 2 minutes`,
    callers: 'their connections break; the next process serves',
    probes: 'none while nothing listens',
    operators: `up to ${most} connections of a limit of ${LIMIT}`,
    lasts: `${((performance.now() - startedAt) / 1000).toFixed(1)} s after the last start until the limit held again`,
  });
});

async function startBusy(): Promise<ChildProcess> {
  const options = { ...POOL_OPTIONS, size: LIMIT, statementTimeoutMs: 180_000 };
  const POOL = JSON.stringify({ target: postgres.target, options });
  const child = spawn(process.execPath, ['--input-type=module', '-e', BUSY], { env: { ...process.env, POOL } });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}
