import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { testServer } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';

const LOCKED_MS = 28_000;
/** Reads of other tenants at once, which share the connections. */
const BURST = 24;
/** Reads that wait for the lock. */
const HELD = 2;
const READ = '/api/v1/customers?limit=1';

let app: TestApp;
let row: TestTenant[];
let schema: TestTenant;

beforeAll(async () => {
  app = await TestApp.start({ DB_POOL_SIZE: '4', DB_MAX_OVERFLOW: '0', TENANT_MAX_CONCURRENT: '8' });
  row = [];
  for (const slug of ['one', 'two', 'three']) row.push(await app.provision(slug, 'row'));
  schema = await app.provision('locked', 'schema');
  for (let time = 0; time < 10; time += 1) for (const tenant of [...row, schema]) await call(tenant); // the reads are quick
});

afterAll(() => app.dispose());

async function call({ apiKey }: TestTenant): Promise<number> {
  const startedAt = performance.now();
  expect((await app.call(READ, { apiKey })).status).toBe(200);
  return performance.now() - startedAt;
}

/** On a connection as the superuser, as an operator would lock it. */
async function lockCustomers(): Promise<pg.Client> {
  const [{ database, schema: name }] = (await app.database.admin<{ database: string; schema: string }>(
    `SELECT database, schema_name AS schema FROM tenants JOIN connection_targets ON connection_targets.id = target_id WHERE slug = 'locked'`,
  )) as [{ database: string; schema: string }];
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${pg.escapeIdentifier(name)}.customers IN ACCESS EXCLUSIVE MODE`);
  return client;
}

async function resent(): Promise<number> {
  const { text } = await app.call('/metrics', { apiKey: ADMIN_KEY });
  const counts = [...text.matchAll(/^tenantry_pool_resent_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

it("reads of other tenants on the same target are answered while a schema tenant's table is locked", async () => {
  const lock = await lockCustomers();
  const lockedAt = performance.now();
  const held: Promise<number>[] = [];
  let count = 0;
  let slowestMs = 0;
  while (performance.now() < lockedAt + LOCKED_MS) {
    // A read that has to wait, in the middle of others on the same connections.
    const burst = Array.from({ length: BURST }, (_, n) => {
      if (n === 2 && held.length < HELD) held.push(call(schema));
      return call(row[n % row.length]!);
    });
    slowestMs = Math.max(slowestMs, ...(await Promise.all(burst)));
    count += burst.length;
  }
  const shares = await resent();
  await lock.query('ROLLBACK');
  await lock.end();
  const heldMs = await Promise.all(held);
  printFaultRow({
    fault: "a schema tenant's table locked for 28 s by hand",
    callers: `that tenant's reads wait for the lock; of ${count.toLocaleString('en')} reads of others on the same target the slowest took ${Math.round(slowestMs)} ms`,
    probes: '`/health/ready` 200',
    operators: `\`tenantry_pool_resent_total\` ${shares}`,
    lasts: 'that tenant: as long as the lock',
  });
  expect(Math.max(...heldMs)).toBeGreaterThan(LOCKED_MS / 2);
  expect(slowestMs).toBeLessThan(LOCKED_MS / 4);
  await soon(async () => expect((await app.call('/health/ready')).status).toBe(200));
}, 120_000);
