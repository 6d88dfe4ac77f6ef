import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { SlotQueue } from '../../../../src/database/budget/slot-queue.js';
import { ReadWriteClient } from '../../../../src/database/connection/read-write-client.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('slots');
});
afterAll(() => database.drop());

it.each([
  ['is open until it has closed', {}, undefined],
  ['is rejected by the server', { password: 'wrong' }, /password authentication failed/],
  ['finds no server', { port: 1 }, /ECONNREFUSED/],
])('a connection that %s occupies its slot until then', async (_what, wrong, failure) => {
  const reserved = new ServerBudget(10).reserve({ kept: 0, max: 1 });
  const { hostname: host, port, username: user, password, pathname } = new URL(database.url);
  const address = { host, port: Number(port), user: decodeURIComponent(user), password: decodeURIComponent(password) };
  const slots = new SlotQueue(reserved);
  const client = new ReadWriteClient({ ...address, database: pathname.slice(1), ...wrong, slots });
  client.on('error', () => undefined);
  if (failure) await expect(client.connect()).rejects.toThrow(failure);
  else {
    await client.connect();
    expect(reserved.held).toBe(1);
    await client.end();
  }
  await soon(async () => expect(reserved.held).toBe(0));
});
