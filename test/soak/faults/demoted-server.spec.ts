import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { ListeningWatch } from '../../../src/database/transactions/listening-watch.js';
import { SessionLease } from '../../../src/database/transactions/session-lease.js';
import { soon } from '../../support/load/soon.js';
import { accessTo, TestPool } from '../../support/pool/test-pool.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { tenantIn } from '../../support/statements/notes-database.js';

const SIZE = 3;
const NO_REPLY = { code: 'TENANT_UNAVAILABLE', cause: { code: 'SERVER_READ_ONLY' } };

let former: PrivatePostgres;
let primary: PrivatePostgres;
let proxy: TcpProxy;
let pool: TestPool;

beforeAll(async () => {
  [former, primary] = await Promise.all([PrivatePostgres.start(), PrivatePostgres.start()]);
  await former.admin('CREATE VIEW server AS SELECT 1 AS number; GRANT SELECT ON server TO PUBLIC');
  await primary.admin('CREATE VIEW server AS SELECT 2 AS number; GRANT SELECT ON server TO PUBLIC');
});

afterAll(() => Promise.all([former.stop(), primary.stop()]));

beforeEach(async () => {
  proxy = await TcpProxy.before(former.address);
  pool = new TestPool(proxy.through(former.target), { size: SIZE });
});

afterEach(async () => {
  await pool.end();
  await proxy.close();
  await former.setReadOnly(false);
});

it('connections that only read leave a server that was made read-only, without an error', async () => {
  await pool.warmUp();
  expect(await readAtOnce()).toEqual([1, 1, 1]);
  proxy.leadTo(primary.address);
  await former.setReadOnly(true);
  await soon(async () => expect(await readAtOnce()).toEqual([2, 2, 2]));
  for (let turn = 0; turn < 10; turn += 1) expect(await readAtOnce()).toEqual([2, 2, 2]);
  expect(await former.backends()).toBe(0);
});

it('a connection that is shared by several reads leaves the server as well', async () => {
  const shared = { allowsSharing: true };
  expect(await readAtOnce(shared)).toEqual([1, 1, 1]);
  expect(pool.counts().total).toBe(1);
  proxy.leadTo(primary.address);
  await former.setReadOnly(true);
  await soon(async () => expect(await readAtOnce(shared)).toEqual([2, 2, 2]));
});

it('callers are refused while the address leads to a read-only server, and the error names the reason', async () => {
  await former.setReadOnly(true);
  await expect(pool.acquire()).rejects.toMatchObject(NO_REPLY);
  expect(await former.backends()).toBe(0);
  proxy.leadTo(primary.address);
  await soon(async () => expect(await readAtOnce()).toEqual([2, 2, 2]));
});

it("a session's own read-only default ends its connection, and is not taken for the server's", async () => {
  const session = await pool.acquire();
  await session.client.query('SELECT set_config($1, $2, false)', ['default_transaction_read_only', 'on']);
  session.release();
  const next = await pool.acquire();
  await next.client.query('INSERT INTO counted VALUES (1)');
  next.release();
  expect(pool.snapshot()).toMatchObject({ closed: { discarded: 1 }, breaker: 'closed' });
});

it('an unlimited session that only listens is told that its server refuses writes now', async () => {
  const listen = async (session: SessionLease): Promise<unknown> => {
    await session.listen('orders');
    const lost = once(session, 'lost');
    proxy.leadTo(primary.address);
    await former.setReadOnly(true);
    const [error] = (await lost) as unknown[];
    await expect(session.query('SELECT 1')).rejects.toBe(error);
    return error;
  };
  const told = await SessionLease.run(accessTo(pool, tenantIn('public').stamp), listen, { isUnlimited: true });
  expect(told).toMatchObject(NO_REPLY);
  expect(await readAtOnce()).toEqual([2, 2, 2]);
});

it("a session's own read-only default is not taken for the server's while it listens", async () => {
  const session = await pool.acquire();
  await session.client.query('SET default_transaction_read_only = on');
  await expect(ListeningWatch.assertPrimary(session.client)).resolves.toBeUndefined();
  session.release();
});

async function readAtOnce(request = {}): Promise<unknown[]> {
  const held = await Promise.all(Array.from({ length: SIZE }, () => pool.acquire(request)));
  const numbers: (number | undefined)[] = [];
  for (const { client } of held) {
    const { rows } = await client.query<{ number: number }>('SELECT number FROM server');
    numbers.push(rows[0]?.number);
  }
  for (const connection of held) connection.release();
  return numbers;
}
