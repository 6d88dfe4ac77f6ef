import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import QueryStream from 'pg-query-stream';
import type { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { soon } from '../../../support/load/soon.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import { clientOf, createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const ROWS = 'SELECT n FROM generate_series(1, 5) n';
const LOST = { code: 'TRANSACTION_LOST' };
const tenant = tenantIn('shared');

let database: TenantDatabase;
let backends: Backends;
let tap: WireTap;
let pool: TestPool;
let client: StampedClient;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

beforeEach(async () => {
  tap = await WireTap.before(database.target);
  pool = new TestPool(tap.through(database.target), { size: 1 });
  client = clientOf(pool, tenant);
  // The connection is there, and its transaction is begun: what is held back next is the end of the stream's statement.
  await client.query('BEGIN');
  await client.query('SELECT 1');
});

afterEach(async () => {
  client.release();
  await expectStillWorks(pool, 1, backends);
  expect(pool.openLeases()).toEqual([]);
  await pool.end();
  await tap.close();
});

/** The rows and `CommandComplete` have arrived, `ReadyForQuery` has not, and now it never will. */
async function dieBeforeReady(): Promise<void> {
  await tap.somethingHeldBack();
  await backends.terminate(...(await backends.pids()));
  await soon(async () => expect(pool.counts().total).toBe(0));
  tap.thaw();
}

it('a stream fails when its connection dies after the last row, before the server is ready', async () => {
  tap.freezeBeforeReady();
  const stream = client.query(new QueryStream(ROWS));
  const rows: unknown[] = [];
  const reading = (async () => {
    for await (const row of stream) rows.push(row);
  })();
  const rejected = expect(reading).rejects.toMatchObject(LOST);
  await dieBeforeReady();
  await rejected;
  await expect(client.query('COMMIT')).rejects.toMatchObject(LOST);
});

it('a cursor fails when its connection dies', async () => {
  tap.freezeBeforeReady();
  const cursor = client.query(newCursor(ROWS));
  const rejected = expect(cursor.read(100)).rejects.toMatchObject(LOST);
  await dieBeforeReady();
  await rejected;
  await expect(client.query('COMMIT')).rejects.toMatchObject(LOST);
});

it('a stream without listeners is closed on a lost connection and does not end the process', async () => {
  tap.freezeBeforeReady();
  const stream = client.query(new QueryStream(ROWS));
  const closed = new Promise((resolve) => stream.on('close', resolve)); // `once` of node:events would listen to errors
  stream.read(1);
  await dieBeforeReady();
  await closed;
  expect(stream.destroyed).toBe(true);
});

it('statements queued behind a stream in a transaction fail with it when the connection dies', async () => {
  tap.freezeBeforeReady();
  const stream = client.query(new QueryStream(ROWS));
  stream.on('error', () => undefined);
  stream.resume();
  const behind = expect(client.query('SELECT 1')).rejects.toMatchObject(LOST);
  await dieBeforeReady();
  await behind;
  await soon(async () => expect(pool.counts()).toMatchObject({ total: 0 }));
});
