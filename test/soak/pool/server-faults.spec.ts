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
    await soon(async () => expect(pool.snapshot()).toMatchObject({ total: 2, breaker: 'open' }));
    const attempts = jest.spyOn(ConnectBreaker.prototype, 'run');
    await under.servesAgain(50);
    expect(attempts.mock.calls.length).toBeLessThan(50); // not one per caller: attempts pause while the breaker is open
    attempts.mockRestore();
    await Promise.all(taken.map((client) => client.end()));
    await soon(async () => expect(pool.counts().total).toBe(OPTIONS.size));
  });
  expect(load.failed).toBe(0);
});

it('when the server has no connection for us at all, callers are rejected, and served once one is free', async () => {
  const taken = await Promise.all(Array.from({ length: MOST }, () => connectAsOther()));
  const refusals: unknown[] = [];
  for (let turn = 0; turn < 5; turn += 1) await pool.acquire().catch((error: unknown) => refusals.push(error));
  expect(refusals).toHaveLength(5);
  for (const refusal of refusals)
    expect(refusal).toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: '53300' } });
  expect(pool.snapshot()).toMatchObject({ total: 0, breaker: 'open' });
  await Promise.all(taken.map((client) => client.end()));
  await soon(async () => (await pool.acquire()).release());
  await soon(async () => expect(await postgres.backends()).toBe(1));
  await expectStillWorks(pool, OPTIONS.size, backends);
});

it('after a fail-over that leaves us at a standby, one write fails and all later ones reach the new primary', async () => {
  const standby = await postgres.standby();
  const proxy = await TcpProxy.before(standby.address);
  const behind = new TestPool(proxy.through(postgres.target), OPTIONS);
  const write = async (): Promise<void> => {
    const connection = await behind.acquire();
    try {
      await connection.client.query('INSERT INTO counted VALUES (1)');
      connection.release();
    } catch (error) {
      connection.release('SQLSTATE 25006');
      throw error;
    }
  };
  const held = await Promise.all([1, 2, 3, 4].map(() => behind.acquire()));
  for (const connection of held) connection.release();
  proxy.leadTo(postgres.address);
  await expect(write()).rejects.toMatchObject({ code: '25006' });
  // The other three are looked at before they are used, and found to lead to a standby.
  for (let turn = 0; turn < 8; turn += 1) await write();
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
