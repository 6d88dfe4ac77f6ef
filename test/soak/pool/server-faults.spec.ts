import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { ConnectBreaker } from '../../../src/database/pool/connection-opener.js';
import { expectStillWorks } from '../../support/postgres/backends.js';
import { type FaultLoad, survive } from '../../support/load/fault-load.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/postgres/tenant-database.js';
import { TestPool } from '../../support/pool/test-pool.js';

const OPTIONS = { size: 4, maxOverflow: 0, timeoutMs: 1_500, connectTimeoutMs: 500, statementTimeoutMs: 500 };
/** Of the server's ten 2 are kept for superusers. */
const MOST = 8;

let postgres: PrivatePostgres;
let otherDatabase: TenantDatabase;
let pool: TestPool;
let other: TestPool;
const backends = { count: () => postgres.backends() };

beforeAll(async () => {
  postgres = await PrivatePostgres.start({ max_connections: '10', superuser_reserved_connections: '2' });
  otherDatabase = await createTenantDatabase();
});

afterAll(async () => {
  await postgres.stop();
  await otherDatabase.drop();
});

beforeEach(() => {
  pool = new TestPool(postgres.target, OPTIONS);
  other = new TestPool(otherDatabase.target, OPTIONS);
});

afterEach(async () => {
  await pool.end();
  await other.end();
});

function survivesOf(fault: (load: FaultLoad) => Promise<void>): Promise<FaultLoad> {
  return survive({ pool, atOnce: OPTIONS.size, backends, other }, fault);
}

it('when the server is killed, callers are rejected without waiting and served again after its restart', async () => {
  const load = await survivesOf(async (under) => {
    await postgres.kill();
    await soon(async () => expect(pool.snapshot()).toMatchObject({ breaker: 'open', total: 0 }));
    const { failed } = under;
    await soon(async () => expect(under.failed).toBeGreaterThan(failed + 50));
    await postgres.startAgain();
  });
  expect(load.timedOut).toBe(0);
});

it('when the server is frozen, new callers are rejected, and they are served again when it thaws', async () => {
  await survivesOf(async (load) => {
    await postgres.freeze();
    try {
      await soon(async () => expect(load.failed).toBeGreaterThan(4));
    } finally {
      await postgres.thaw();
    }
  });
});

it('when the server has no further connection for us, callers share the open ones and none fails', async () => {
  const taken = await Promise.all(Array.from({ length: MOST - 2 }, () => connectAsOther()));
  const load = await survivesOf(async (under) => {
    await soon(async () => expect(pool.counts().total).toBe(1)); // of two, one is given back for the catalog
    const attempts = jest.spyOn(ConnectBreaker.prototype, 'run');
    await under.servesAgain(50);
    expect(attempts.mock.calls.length).toBeLessThan(50); // not one per caller: the limit is raised step by step
    expect(pool.snapshot().breaker).toBe('closed');
    attempts.mockRestore();
    await Promise.all(taken.map((client) => client.end()));
    await soon(async () => expect(pool.counts().total).toBe(OPTIONS.size));
  });
  expect(load.failed).toBe(0);
});

it('when the server has no connection for us at all, callers wait, and are served once one is free', async () => {
  const taken = await Promise.all(Array.from({ length: MOST }, () => connectAsOther()));
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_TIMEOUT' });
  expect(pool.snapshot()).toMatchObject({ total: 0, breaker: 'closed' });
  const waiting = pool.acquire();
  await Promise.all(taken.map((client) => client.end()));
  (await waiting).release();
  await soon(async () => expect(await postgres.backends()).toBe(1));
  await soon(async () => expect(pool.budget.limit).toBeGreaterThanOrEqual(OPTIONS.size)); // raised again, step by step
  await expectStillWorks(pool, OPTIONS.size, backends);
});

it('a standby is refused, and all writes reach the primary once the address leads there', async () => {
  const standby = await postgres.standby();
  const proxy = await TcpProxy.before(standby.address);
  const behind = new TestPool(proxy.through(postgres.target), OPTIONS);
  const write = async (): Promise<void> => {
    const connection = await behind.acquire();
    await connection.client.query('INSERT INTO counted VALUES (1)');
    connection.release();
  };
  await expect(write()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: 'SERVER_READ_ONLY' } });
  proxy.leadTo(postgres.address);
  for (let turn = 0; turn < 8; turn += 1) await soon(write);
  expect(await postgres.admin('SELECT FROM counted')).toHaveLength(8);
  await expectStillWorks(behind, 4, backends);
  await behind.end();
  await proxy.close();
  await standby.stop();
});

function connectAsOther(): Promise<pg.Client> {
  const { host, port } = postgres.address;
  const { role: user, password, database } = postgres.target;
  const client = new pg.Client({ host, port, user, password, database, application_name: 'other' });
  client.on('error', () => undefined); // the test's own end says so
  return client.connect().then(() => client);
}
