import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { printFaultRow } from '../../support/load/fault-row.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { TestPool } from '../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../support/postgres/tenant-database.js';
import { clientOf, createNotesDatabase, tenantIn } from '../../support/statements/notes-database.js';

const ONE_WAY_MS = 100;
const CONNECTIONS = 4;
const CALLERS = 40;
const ROUNDS = 4;
const ROUND_MS = 3_000;
const TEXT = 'SELECT body FROM notes ORDER BY id LIMIT 20 /* distant */';

let database: TenantDatabase;
let proxy: TcpProxy;
let ours: TestPool;
let plain: pg.Pool;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  proxy = await TcpProxy.before(database.target.server);
  const target = proxy.through(database.target);
  ours = new TestPool(target, { size: CONNECTIONS });
  const { host, port } = target.server;
  const { database: name, role: user, password } = target;
  plain = new pg.Pool({ host, port, database: name, user, password, max: CONNECTIONS });
  proxy.slowDown(ONE_WAY_MS);
});

afterAll(async () => {
  await ours.end();
  await plain.end();
  await proxy.close();
  await database.drop();
});

/** @returns answers per second */
async function rateOf(call: (caller: number) => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let answers = 0;
  const caller = async (n: number): Promise<void> => {
    while (performance.now() - startedAt < ROUND_MS) {
      await call(n);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, n) => caller(n)));
  return (1_000 * answers) / (performance.now() - startedAt);
}

it('with 100 ms to PostgreSQL, quick reads still share connections: more of them are answered than with plain pg', async () => {
  const tenants = Array.from({ length: 8 }, () => tenantIn('shared'));
  const clients = Array.from({ length: CALLERS }, (_, n) => clientOf(ours, tenants[n % tenants.length]!));
  const rates: { ours: number; plain: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.push({
      ours: await rateOf((caller) => clients[caller]!.query(TEXT)),
      plain: await rateOf(() => plain.query('SELECT body FROM shared.notes ORDER BY id LIMIT 20')),
    });
  }
  const ratio = rates.slice(1).map((rate) => rate.ours / rate.plain); // in the first one, the text becomes known
  const { ours: rate, plain: plainRate } = rates.at(-1)!;
  printFaultRow({
    fault: `PostgreSQL ${ONE_WAY_MS} ms away, ${CONNECTIONS} connections, ${CALLERS} callers`,
    callers: `${Math.round(rate)} reads per second; plain pg with as many connections ${Math.round(plainRate)}`,
    probes: '`/health/ready` 200',
    operators: 'nothing',
    lasts: 'as long as the distance',
  });
  expect(Math.min(...ratio)).toBeGreaterThan(2);
}, 120_000);
