import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { SlotQueue } from '../../../../src/database/budget/slot-queue.js';
import { type ConnectionConfig, ReadWriteClient } from '../../../../src/database/connection/read-write-client.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('slots');
});
afterAll(() => database.drop());

function clientOf(slots: SlotQueue, other: Partial<ConnectionConfig>): ReadWriteClient {
  const { hostname: host, port, username: user, password, pathname } = new URL(database.url);
  const login = { user: decodeURIComponent(user), password: decodeURIComponent(password) };
  const client = new ReadWriteClient({
    ...{ host, port: Number(port), ...login, database: pathname.slice(1), ...other },
    slots,
  });
  client.on('error', () => undefined);
  return client;
}

it('a connection whose server does not close it gives its slot back all the same', async () => {
  const reserved = new ServerBudget(10).reserve({ kept: 0, max: 1 });
  const { hostname: host, port } = new URL(database.url);
  const proxy = await TcpProxy.before({ host, port: Number(port) });
  const client = clientOf(new SlotQueue(reserved), { host: '127.0.0.1', port: Number(proxy.address.split(':')[1]) });
  await client.connect();
  proxy.freeze();
  void client.end();
  await soon(async () => expect(reserved.held).toBe(0));
  await proxy.close();
});

it.each([
  ['is open until it has closed', {}, undefined],
  ['is rejected by the server', { password: 'wrong' }, /password authentication failed/],
  ['finds no server', { port: 1 }, /ECONNREFUSED/],
])('a connection that %s occupies its slot until then', async (_what, wrong, failure) => {
  const reserved = new ServerBudget(10).reserve({ kept: 0, max: 1 });
  const client = clientOf(new SlotQueue(reserved), wrong);
  if (failure) await expect(client.connect()).rejects.toThrow(failure);
  else {
    await client.connect();
    expect(reserved.held).toBe(1);
    await client.end();
  }
  await soon(async () => expect(reserved.held).toBe(0));
});

it('a connection that was abandoned while it waited for its slot looks for no address', async () => {
  const slots = new SlotQueue(new ServerBudget(10).reserve({ kept: 0, max: 1 }));
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    socket.end();
  });
  await once(server.listen(0, '127.0.0.1').unref(), 'listening');
  const { port } = server.address() as AddressInfo;
  const addresses = ['127.0.0.1', 'localhost'].map((host) => ({ host, port }));
  await slots.acquire(1_000);
  const client = clientOf(slots, { addresses });
  const connected = client.connect();
  client.abandon();
  slots.release();
  await expect(connected).rejects.toThrow('Connection terminated');
  await once(connect(port, '127.0.0.1').resume(), 'close'); // behind any that was opened before
  expect(accepted).toBe(1);
  server.close();
});
