import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { soon } from '../../../support/load/soon.js';
import { asSuperuser, testServer } from '../../../support/postgres/postgres.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import type { TestPool } from '../../../support/pool/test-pool.js';
import {
  clientOf,
  createNotesDatabase,
  openPool,
  type TestTenant,
  tenantIn,
} from '../../../support/statements/notes-database.js';

const [one, two] = [tenantIn('shared'), tenantIn('shared')];
const held = tenantIn('locked');

let database: TenantDatabase;
let pool: TestPool;
let lock: pg.Client;
let texts = 0;

beforeAll(async () => {
  database = await createNotesDatabase('shared', 'locked');
});

afterAll(() => database.drop());

beforeEach(async () => {
  pool = openPool('pooled', database.target, { size: 3 });
  for (const tenant of [one, two, held]) {
    await read(tenant, 'INSERT INTO notes (body) VALUES ($1) ON CONFLICT DO NOTHING', [bodyOf(tenant)]);
  }
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  lock = new pg.Client({ host, port, user, password, database: database.target.database });
  await lock.connect();
});

afterEach(async () => {
  await lock.end();
  await pool.end();
});

async function read(tenant: TestTenant, text: string, values: unknown[] = []): Promise<unknown[]> {
  return (await clientOf(pool, tenant).query(text, values)).rows;
}

const bodyOf = ({ id }: TestTenant): string => `of ${id}`;

/** @returns a text that is known to be quick for these tenants */
async function quickFor(tenants: readonly TestTenant[], expression = 'body'): Promise<string> {
  const text = `SELECT ${expression} AS body FROM notes ORDER BY id /* held up ${(texts += 1)} */`;
  for (let time = 0; time < 4; time += 1) for (const tenant of tenants) await read(tenant, text);
  return text;
}

/** Until `ROLLBACK`, or the test's end. */
async function lockTable(): Promise<void> {
  await lock.query('BEGIN; LOCK TABLE locked.notes IN ACCESS EXCLUSIVE MODE');
}

async function untilWaiting(): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'`;
  await soon(async () => expect(await asSuperuser('postgres', waiting, [database.role])).not.toEqual([]));
}

it("reads behind another tenant's lock are answered before it is released, each with its own rows", async () => {
  const text = await quickFor([one, two, held]);
  await lockTable();
  const order: string[] = [];
  const blocked = read(held, text).finally(() => order.push('blocked'));
  const behind = [one, two, one, two].map((tenant) => read(tenant, text).finally(() => order.push('behind')));
  expect(pool.counts()).toMatchObject({ busy: 1, waiting: 0 }); // all on one connection
  expect(await Promise.all(behind)).toEqual([one, two, one, two].map((tenant) => [{ body: bodyOf(tenant) }]));
  expect(order).toEqual(behind.map(() => 'behind'));
  expect(pool.snapshot().resent).toBe(4);
  await lock.query('ROLLBACK');
  expect(await blocked).toEqual([{ body: bodyOf(held) }]);
  await soon(async () => expect(pool.counts()).toMatchObject({ busy: 0, waiting: 0 }));
});

it('a statement that has held up others is alone on its connection from then on', async () => {
  const text = await quickFor([one, held]);
  await lockTable();
  const first = read(held, text);
  await read(one, text);
  const second = read(held, text);
  const { resent } = pool.snapshot();
  expect(await read(one, text)).toEqual([{ body: bodyOf(one) }]);
  expect(pool.snapshot().resent).toBe(resent);
  await lock.query('ROLLBACK');
  await Promise.all([first, second]);
});

it('a text that is quick for other tenants does not share before it is known to be quick for this one', async () => {
  const text = await quickFor([one, two]);
  await lockTable();
  const blocked = read(held, text);
  expect(await read(one, text)).toEqual([{ body: bodyOf(one) }]);
  expect(pool.snapshot().resent).toBe(0);
  await untilWaiting();
  await lock.query('ROLLBACK');
  await blocked;
});

it('a read that calls a function of the application is not sent twice', async () => {
  await database.admin(
    `CREATE FUNCTION shared.shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)';
     CREATE FUNCTION locked.shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)';`,
  );
  const text = await quickFor([one, held]);
  const calling = await quickFor([one], 'shout(body)');
  await lockTable();
  const order: string[] = [];
  const blocked = read(held, text).finally(() => order.push('blocked'));
  const calls = read(one, calling).finally(() => order.push('calling'));
  const behind = read(one, text).finally(() => order.push('behind'));
  await behind;
  await lock.query('ROLLBACK');
  await Promise.all([blocked, calls]);
  expect(order).toEqual(['behind', 'blocked', 'calling']);
  expect(pool.snapshot().resent).toBe(1);
});
