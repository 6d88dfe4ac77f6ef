import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import QueryStream from 'pg-query-stream';
import { SessionLease } from '../../../src/database/transactions/session-lease.js';
import { Backends, expectStillWorks } from '../../support/postgres/backends.js';
import { soon } from '../../support/load/soon.js';
import { accessTo } from '../../support/pool/test-pool.js';
import { clientOf, openPool } from '../../support/statements/notes-database.js';
import { numbers, one, READ, SharingRig, two } from '../../support/statements/sharing-rig.js';

const TOO_LARGE = expect.objectContaining({ code: 'RESULT_TOO_LARGE' });
const MIB = 1024 * 1024;
const LIMIT = 8 * MIB;
/** About 400 MB on the wire. */
const HUGE = `SELECT n, repeat('x', 1000) AS filling FROM generate_series(1, 400000) n`;
/** In one value, which the parser reports only once all of it has arrived. */
const HUGE_VALUE = `SELECT repeat('x', 400 * 1024 * 1024) AS filling`;

let rig: SharingRig;
let backends: Backends;

beforeAll(async () => {
  rig = await SharingRig.create();
  backends = await Backends.of(rig.database.role);
});

beforeEach(() => {
  rig.pool = openPool('pooled', rig.database.target, { size: 2, maxResultBytes: LIMIT });
});

afterEach(async () => {
  await expectStillWorks(rig.pool, 2, backends);
  await rig.pool.end();
});

afterAll(async () => {
  await backends.close();
  await rig.database.drop();
});

/** The most memory that the process had while the work was running, beyond what it had before. */
async function mostMemory(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const watcher = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 1);
  await work();
  clearInterval(watcher);
  return most - before;
}

it.each([
  ['many rows', HUGE],
  ['one value', HUGE_VALUE],
])('a huge result of %s is refused before it is in memory, and the neighbours go on', async (_name, text) => {
  await rig.makeFamiliar(READ, 0);
  let answered = 0;
  const state = { isOver: false };
  const memory = await mostMemory(async () => {
    const refused = expect(rig.query(one, text, [])).rejects.toEqual(TOO_LARGE);
    void refused.finally(() => (state.isOver = true));
    while (!state.isOver) {
      expect(await rig.query(two, READ, [1])).toMatchObject({ rows: [{ tenant: two.id, n: 1 }] });
      answered += 1;
    }
    await refused;
  });
  expect(answered).toBeGreaterThan(0);
  expect(memory).toBeLessThan(250 * MIB); // of 400
});

it('its backend stops working on it', async () => {
  await expect(rig.query(one, HUGE, [])).rejects.toEqual(TOO_LARGE);
  const working = `SELECT FROM pg_stat_activity WHERE usename = $1 AND state = 'active'`;
  await soon(async () => expect(await rig.database.admin(working, [rig.database.role])).toEqual([]));
});

it('statements that share its connection succeed', async () => {
  const text = `SELECT repeat('x', $1::int) AS filling, $2::text AS who FROM generate_series(1, $3::int)`;
  await rig.makeFamiliar(text, 1, 'familiar', 1);
  const connection = await rig.pool.acquire({ hold: 'lease' }); // one connection is left
  const refused = expect(rig.query(one, text, [1000, 'large', 100_000])).rejects.toEqual(TOO_LARGE);
  const others = await Promise.all(numbers(5).map((n) => rig.query(two, text, [1, `other ${n}`, 1])));
  expect(others.map(({ rows }) => rows)).toEqual(numbers(5).map((n) => [{ filling: 'x', who: `other ${n}` }]));
  await refused;
  connection.release();
});

it('in a transaction it fails the transaction', async () => {
  const client = clientOf(rig.pool, one);
  await client.query('BEGIN');
  await client.query(`INSERT INTO notes (body) VALUES ('undone')`);
  await expect(client.query(HUGE)).rejects.toEqual(TOO_LARGE);
  await expect(client.query('COMMIT')).rejects.toMatchObject({ code: 'TRANSACTION_LOST', cause: TOO_LARGE });
  client.release();
  expect(await clientOf(rig.pool, one).query('SELECT FROM notes')).toMatchObject({ rowCount: 0 });
});

it('in a session it ends the session', async () => {
  const session = SessionLease.run(accessTo(rig.pool, one.stamp), async (opened) => {
    for (const n of numbers(20)) await opened.query(`SELECT ${n}, repeat('x', ${MIB})`); // each is small enough
    await opened.query(HUGE);
  });
  await expect(session).rejects.toEqual(TOO_LARGE);
});

it('results that are small enough are not added up, and a stream has no limit', async () => {
  const mebibytes = `SELECT repeat('x', ${MIB}) AS filling FROM generate_series(1, 7)`;
  for (const _ of numbers(5)) expect((await rig.query(one, mebibytes, [])).rowCount).toBe(7);
  const rows: unknown[] = [];
  const stream = clientOf(rig.pool, one).query(new QueryStream(mebibytes.replace('1, 7', '1, 20')));
  for await (const row of stream) rows.push(row);
  expect(rows).toHaveLength(20);
});
