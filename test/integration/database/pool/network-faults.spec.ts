import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Backends } from '../../../support/postgres/backends.js';
import { survive, type FaultLoad } from '../../../support/load/fault-load.js';
import { soon } from '../../../support/load/soon.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TestPool } from '../../../support/pool/test-pool.js';

const OPTIONS = { size: 4, maxOverflow: 0, timeoutMs: 1_500, connectTimeoutMs: 500, statementTimeoutMs: 500 };

let database: TenantDatabase;
let otherDatabase: TenantDatabase;
let backends: Backends;
let proxy: TcpProxy;
let pool: TestPool;
let other: TestPool;

beforeAll(async () => {
  database = await createTenantDatabase();
  otherDatabase = await createTenantDatabase();
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
  await otherDatabase.drop();
});

beforeEach(async () => {
  proxy = await TcpProxy.before(database.target.server);
  pool = new TestPool(proxy.through(database.target), OPTIONS);
  other = new TestPool(otherDatabase.target, OPTIONS);
});

afterEach(async () => {
  await pool.end();
  await other.end();
  await proxy.close();
});

function survivesOf(fault: (load: FaultLoad) => Promise<void>): Promise<FaultLoad> {
  return survive({ pool, atOnce: OPTIONS.size, backends, other }, fault);
}

it('when the network is cut, callers are rejected without waiting and served again when it is restored', async () => {
  const load = await survivesOf(async (under) => {
    proxy.cut();
    await soon(async () => expect(pool.snapshot()).toMatchObject({ breaker: 'open', total: 0 }));
    const { failed } = under;
    await soon(async () => expect(under.failed).toBeGreaterThan(failed + 50));
    proxy.mend();
  });
  expect(load.timedOut).toBe(0);
});

it('when the network stalls, callers wait no longer than their deadline and are served again afterwards', async () => {
  await survivesOf(async (load) => {
    proxy.freeze();
    await soon(async () => expect(load.failed).toBeGreaterThan(4));
    proxy.thaw();
  });
});

it('when the network is slow, nothing fails', async () => {
  const load = await survivesOf(async (under) => {
    proxy.slowDown(20);
    await under.servesAgain(20);
    proxy.slowDown(0);
  });
  expect(load.failed).toBe(0);
});
