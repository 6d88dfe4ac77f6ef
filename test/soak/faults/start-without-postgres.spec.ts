import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { Service } from '../../support/processes/service.js';

const WAITING = 'Waiting up to 120 s';

let postgres: PrivatePostgres;

beforeAll(async () => {
  postgres = await PrivatePostgres.start({ max_connections: '20', superuser_reserved_connections: '3' });
});

afterAll(async () => {
  for (const service of Service.running) service.signal('SIGKILL');
  await postgres.stop();
});

it('a start without PostgreSQL fails at once with one line that says so', async () => {
  await postgres.kill();
  expect(await lastLine(Service.start({ DATABASE_URL: postgres.url }))).toMatch(
    /^tenantry: the catalog at \S+ cannot be reached: .*ECONNREFUSED/,
  );
});

it('a start that may wait goes on once PostgreSQL is there', async () => {
  const starting = Service.start({ DATABASE_URL: postgres.url, STARTUP_WAIT: '120', LOG_LEVEL: 'info' });
  await said(WAITING);
  const startedAt = performance.now();
  await postgres.startAgain();
  const service = await starting;
  const readyAfterMs = performance.now() - startedAt;
  await service.stop();
  printFaultRow({
    fault: 'start while PostgreSQL is away or full',
    callers: 'nothing listens',
    probes: 'nothing listens',
    operators:
      'exit code 1, last line `the catalog at … cannot be reached: …`; with `STARTUP_WAIT` a warning, and it goes on',
    lasts: `with \`STARTUP_WAIT\`: listening ${(readyAfterMs / 1000).toFixed(1)} s after the start of PostgreSQL`,
  });
});

it('a start that has waited in vain names what it waited for, and for how long', async () => {
  await postgres.kill();
  expect(await lastLine(Service.start({ DATABASE_URL: postgres.url, STARTUP_WAIT: '2' }))).toMatch(
    /^tenantry: waited 2 s \(STARTUP_WAIT\): the catalog at \S+ cannot be reached: /,
  );
  await postgres.startAgain();
});

it('a start waits for a server that has no connection left', async () => {
  const taken: pg.Client[] = [];
  for (let n = 0; n < 17; n += 1) {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    taken.push(client);
  }
  expect(await lastLine(Service.start({ DATABASE_URL: postgres.url }))).toMatch(/cannot be reached: .*connection/);
  const starting = Service.start({ DATABASE_URL: postgres.url, STARTUP_WAIT: '120', LOG_LEVEL: 'info' });
  await said(WAITING);
  await Promise.all(taken.map((client) => client.end()));
  await (await starting).stop();
});

it('a start that waits ends at the first signal', async () => {
  await postgres.kill();
  const line = lastLine(Service.start({ DATABASE_URL: postgres.url, STARTUP_WAIT: '120', LOG_LEVEL: 'info' }));
  await said(WAITING);
  for (const service of Service.running) service.signal('SIGTERM');
  expect(await line).toBe('tenantry: stopped while waiting for PostgreSQL (STARTUP_WAIT)');
  await postgres.startAgain();
});

async function said(text: string): Promise<void> {
  await soon(async () => expect([...Service.running].some(({ output }) => output.includes(text))).toBe(true));
}

/** Of a start that fails. */
async function lastLine(starting: Promise<Service>): Promise<string> {
  const failure = await starting.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  return failure?.message.trim().split('\n').at(-1) ?? 'it listens';
}
