import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import {
  clientOf,
  createNotesDatabase,
  openPool,
  POOL_OPTIONS,
  type TestTenant,
  tenantIn,
} from '../../../support/statements/notes-database.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const [one, two] = [tenantIn('shared'), tenantIn('shared')];
/** Each names its statement in a comment, so that no other spec has made it quick. */
const READ = `SELECT current_setting('app.tenant_id') AS tenant, $1::int AS n /* shared */`;
const DIVIDE = 'SELECT 1 / $1::int AS quotient /* shared */';
const INSERT = 'INSERT INTO notes (body) VALUES ($1) /* shared */';

let database: TenantDatabase;
let pool: TestPool;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
});

afterAll(() => database.drop());

const ask = (tenant: TestTenant, text: string, values: unknown[]): Promise<pg.QueryResult> =>
  clientOf(pool, tenant).query(text, values);

/** So often by two tenants that it has a name and its columns are known. */
async function makeFamiliar(text: string, ...values: unknown[]): Promise<void> {
  for (const tenant of [one, two, one, two, one, two]) await ask(tenant, text, values);
}

let sleeps = 0;

/** A text that has been quick so far, and takes as long as it is told. */
async function quickSoFar(): Promise<string> {
  const text = `SELECT pg_backend_pid() AS pid, $2::text AS who FROM pg_sleep($1) /* ${(sleeps += 1)} */`;
  await makeFamiliar(text, 0, 'nobody');
  return text;
}

async function untilSomebodySleeps(): Promise<void> {
  const sleeping = `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'`;
  while ((await database.admin(sleeping, [database.role])).length === 0);
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

it('those who share wait for one connection together, and everybody else for one of their own', async () => {
  const cold = new TestPool(database.target, { size: 10 });
  const sharing = await Promise.all(numbers(8).map(() => cold.acquire({ allowsSharing: true })));
  expect([cold.snapshot().opened, new Set(sharing.map(({ client }) => client)).size]).toEqual([1, 1]);
  const alone = await Promise.all(numbers(3).map(() => cold.acquire()));
  expect([cold.snapshot().opened, new Set(alone.map(({ client }) => client)).size]).toEqual([4, 3]);
  for (const connection of [...sharing, ...alone]) connection.release();
  await cold.end();
});

it('a text that was slow on a new connection only shares as soon as it is known to be quick', async () => {
  const fresh = new TestPool(database.target, { size: 1 });
  const text = `SELECT pg_backend_pid() AS pid FROM pg_sleep($1) /* cold */`;
  for (const seconds of [0.05, 0.05, 0.05, 0, 0, 0]) await clientOf(fresh, one).query(text, [seconds]);
  const together = Promise.all([one, two].map((tenant) => clientOf(fresh, tenant).query(text, [0.05])));
  await new Promise(setImmediate);
  expect(fresh.counts()).toMatchObject({ busy: 1, waiting: 0 });
  await together;
  await fresh.end();
});

describe('on one connection', () => {
  let tap: WireTap;

  beforeEach(async () => {
    tap = await WireTap.before(database.target);
    pool = openPool('pooled', tap.through(database.target), { size: 1 });
    await makeFamiliar(READ, 0);
    tap.take();
  });

  afterEach(async () => {
    await pool.end();
    await tap.close();
  });

  it('quick reads of several tenants are under way at once, each by name under its own stamp', async () => {
    tap.freeze();
    const answers = numbers(6).map((n) => ask(n % 2 ? one : two, READ, [n]));
    await tap.somethingHeldBack();
    expect(pool.counts()).toMatchObject({ total: 1, busy: 1, waiting: 0 });
    tap.thaw();
    const rows = (await Promise.all(answers)).map((answer) => answer.rows[0]);
    expect(rows).toEqual(numbers(6).map((n) => ({ tenant: n % 2 ? one.id : two.id, n })));
    expect(tap.take()).toBe('BEBES'.repeat(6));
    expect(pool.counts()).toMatchObject({ busy: 0, idle: 1 });
  });

  it.each([
    ['a write', 'UPDATE notes SET body = body WHERE false /* shared */'],
    ['a read that locks', 'SELECT 1 FROM notes FOR UPDATE /* shared */'],
  ])('%s waits for a connection of its own, however familiar', async (_, text) => {
    await makeFamiliar(text);
    tap.freeze();
    const before = ask(one, READ, [1]);
    const alone = ask(two, text, []);
    await tap.somethingHeldBack();
    expect(pool.counts()).toMatchObject({ busy: 1, waiting: 1 });
    tap.thaw();
    await Promise.all([before, alone]);
  });

  it('so does a read that nobody knows yet', async () => {
    tap.freeze();
    const before = ask(one, READ, [1]);
    const alone = ask(two, `SELECT 'new' AS text`, []);
    expect(pool.counts()).toMatchObject({ busy: 1, waiting: 1 });
    tap.thaw();
    await Promise.all([before, alone]);
  });

  it('an error ends its own statement and not those before and behind it', async () => {
    await makeFamiliar(DIVIDE, 1);
    const answers = await Promise.allSettled([1, 0, 1, 0, 1].map((n) => ask(n ? one : two, DIVIDE, [n])));
    expect(answers.map(({ status }) => status)).toEqual([1, 0, 1, 0, 1].map((n) => (n ? 'fulfilled' : 'rejected')));
    expect(answers[1]).toMatchObject({ reason: { code: '22012' } });
    expect(pool.counts()).toMatchObject({ total: 1, idle: 1 });
  });

  it('a value that cannot be sent is told to its caller only', async () => {
    const unsendable = {
      toPostgres: () => {
        throw new RangeError('not for the wire');
      },
    };
    const answers = await Promise.allSettled([1, unsendable, 3].map((value) => ask(one, READ, [value])));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(pool.counts()).toMatchObject({ total: 1, idle: 1 });
  });

  it('a transaction gets the connection to itself when those under way are through, before those who come later', async () => {
    tap.freeze();
    const order: string[] = [];
    const before = numbers(4).map((n) => ask(one, READ, [n]).then(() => order.push('before')));
    await tap.somethingHeldBack();
    const client = clientOf(pool, two);
    const begun = client.query('BEGIN').then(() => order.push('begun'));
    const behind = ask(one, READ, [9]).then(() => order.push('behind'));
    tap.thaw();
    await Promise.all([...before, begun]);
    expect(order).toEqual([...before.map(() => 'before'), 'begun']);
    expect((await client.query(READ, [5])).rows).toEqual([{ tenant: two.id, n: 5 }]);
    await client.query('COMMIT');
    await behind;
  });

  it('reads are repeated when the server ended their connection before they began', async () => {
    const sleep = await quickSoFar();
    const first = ask(one, sleep, [0.5, 'first']);
    const behind = numbers(5).map((n) => ask(two, READ, [n]));
    expect(pool.counts()).toMatchObject({ busy: 1, waiting: 0 });
    await untilSomebodySleeps();
    await database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'`,
      [database.role],
    );
    expect((await first).rows).toMatchObject([{ who: 'first' }]);
    expect((await Promise.all(behind)).map(({ rows }) => rows[0])).toEqual(
      numbers(5).map((n) => ({ tenant: two.id, n })),
    );
  });

  it('nothing is repeated when the connection broke without a word', async () => {
    tap.freeze();
    const answers = numbers(4).map((n) => ask(one, READ, [n]));
    await tap.somethingHeldBack();
    tap.cut();
    const settled = await Promise.allSettled(answers);
    expect(settled.map(({ status }) => status)).toEqual(numbers(4).map(() => 'rejected'));
    tap.thaw();
    expect((await ask(two, READ, [7])).rows).toEqual([{ tenant: two.id, n: 7 }]);
    expect(tap.take().match(/S/g)?.length).toBe(4 + 1);
  });

  it('a server that answers no more is given up, for all who wait on it', async () => {
    await pool.end();
    pool = openPool('pooled', tap.through(database.target), { size: 1, statementTimeoutMs: 200 });
    await ask(one, READ, [0]);
    tap.freeze();
    const settled = await Promise.allSettled(numbers(3).map((n) => ask(one, READ, [n])));
    expect(settled).toMatchObject(numbers(3).map(() => ({ reason: { message: 'Query read timeout' } })));
    tap.thaw();
    expect((await ask(two, READ, [7])).rows).toEqual([{ tenant: two.id, n: 7 }]);
  });
});

it('a pool whose shared connections are never idle gives one up for another pool of the server', async () => {
  const budget = new ServerBudget(1);
  pool = new TestPool(database.target, POOL_OPTIONS, { budget });
  const poor = new TestPool(database.target, POOL_OPTIONS, { budget });
  const sleep = await quickSoFar(); // so that answers come one by one, with others under way
  const load = { isWanted: true };
  const work = async (): Promise<void> => {
    while (load.isWanted) await ask(one, sleep, [0.004, 'busy']);
  };
  const workers = numbers(6).map(work);
  expect((await clientOf(poor, two).query(READ, [8])).rows).toEqual([{ tenant: two.id, n: 8 }]);
  load.isWanted = false;
  await Promise.all(workers);
  await Promise.all([pool.end(), poor.end()]);
  expect(budget.open).toBe(0);
});

describe('a slow statement', () => {
  let sleep: string;

  beforeEach(async () => {
    pool = openPool('pooled', database.target, { size: 2 });
    await makeFamiliar(READ, 0);
    sleep = await quickSoFar();
  });

  afterEach(() => pool.end());

  it('has nobody put behind it once it has been running for long', async () => {
    const slow = ask(one, sleep, [1, 'slow']);
    await untilSomebodySleeps();
    const started = performance.now();
    while (performance.now() - started < 25);
    let isOver = false;
    void slow.then(() => (isOver = true));
    for (const n of numbers(40)) await ask(two, READ, [n]);
    expect(isOver).toBe(false);
    await slow;
  });

  it('shares no connection when its text has been slow before', async () => {
    await ask(one, sleep, [0.3, 'slow']);
    const client = clientOf(pool, two);
    await pool.warmUp();
    await client.query('BEGIN'); // one connection is left
    const slow = ask(one, sleep, [0.2, 'slow again']);
    const next = ask(two, READ, [1]);
    expect(pool.counts()).toMatchObject({ busy: 2, waiting: 1 });
    await Promise.all([slow, next]);
    await client.query('COMMIT');
  });
});

describe('taking a place away', () => {
  let sleep: string;

  const refusal = (): Error => new Error('not served any more');

  beforeEach(async () => {
    pool = openPool('pooled', database.target, { size: 1 });
    await makeFamiliar(READ, 0);
    sleep = await quickSoFar();
  });

  afterEach(() => pool.end());

  it('ends the statement that runs, and leaves the connection to those behind it', async () => {
    const before = (await ask(two, sleep, [0, 'before'])).rows[0] as { pid: number };
    const running = ask(one, sleep, [9, 'running']);
    const behind = [ask(two, sleep, [0, 'behind']), ask(two, sleep, [0, 'behind'])];
    await untilSomebodySleeps();
    expect(pool.revoke(one.id, refusal)).toBe(1);
    await expect(running).rejects.toThrow('not served any more');
    for (const { rows } of await Promise.all(behind)) expect(rows).toEqual([{ pid: before.pid, who: 'behind' }]);
  });

  it('harms nobody before or behind one that waits for its turn', async () => {
    const running = ask(two, sleep, [0.2, 'running']);
    const waiting = ask(one, sleep, [0, 'waiting']);
    const behind = ask(two, sleep, [0, 'behind']);
    await untilSomebodySleeps();
    pool.revoke(one.id, refusal);
    await expect(waiting).rejects.toThrow('not served any more');
    const pid = ((await running).rows[0] as { pid: number }).pid;
    expect((await behind).rows).toEqual([{ pid, who: 'behind' }]);
    expect((await ask(two, sleep, [0, 'after'])).rows).toEqual([{ pid, who: 'after' }]); // nothing was canceled
  });

  it('harms nobody when its cancel comes late', async () => {
    for (const round of numbers(60)) {
      await ask(two, READ, [round]); // there is a connection: the last one is closed for its late cancel
      const running = ask(one, READ, [round]);
      const behind = numbers(5).map((n) => ask(two, sleep, [0.002, String(n)]));
      const told = running.catch((error: unknown) => error);
      pool.revoke(one.id, refusal);
      expect(await told).toMatchObject({ message: 'not served any more' });
      expect((await Promise.all(behind)).map(({ rows }) => rows[0]?.who)).toEqual(numbers(5).map(String));
    }
  });
});

describe('200 callers of 20 tenants whose backends die', () => {
  const tenants = numbers(20).map(() => tenantIn('shared'));
  const OWN = `SELECT tenant_id, body, current_setting('app.tenant_id') AS stamp FROM notes /* shared */`;

  it('read their own rows only, lose no read, and no write happens twice', async () => {
    pool = openPool('pooled', database.target, { size: 4 });
    const kept: string[] = [];
    let deepest = 0;
    let deaths = 0;
    let lost = 0;
    const left = { callers: 200 };
    /** At least: those that wait are counted once for each tenant. */
    const placesTaken = (): number => pool.tenantsInUse().length - tenants.length;
    const work = async (index: number): Promise<void> => {
      const tenant = tenants[index % tenants.length] as TestTenant;
      for (const n of numbers(25)) {
        const reading = ask(tenant, OWN, []);
        deepest = Math.max(deepest, placesTaken() / Math.max(1, pool.counts().busy));
        const rows = await reading.then(
          (answer) => answer.rows,
          (error: Error) => void (lost += isDeath(error)),
        );
        const foreign = rows?.filter((row) => row.tenant_id !== tenant.id || row.stamp !== tenant.id);
        expect(foreign ?? []).toEqual([]);
        if (n % 8 !== 0) continue;
        const body = `${index} ${n}`;
        await ask(tenant, INSERT, [body]).then(
          () => kept.push(body),
          (error: Error) => (lost += isDeath(error)),
        );
      }
      left.callers -= 1;
    };
    const kill = async (): Promise<void> => {
      while (left.callers > 0) {
        deaths += (
          await database.admin(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE usename = $1 ORDER BY random() LIMIT 1`,
            [database.role],
          )
        ).length;
        await database.admin('SELECT pg_sleep(0.02)');
      }
    };
    await Promise.all([...numbers(200).map(work), kill()]);
    const bodies = (await database.admin<{ body: string }>('SELECT body FROM shared.notes')).map(({ body }) => body);
    expect(new Set(bodies).size).toBe(bodies.length);
    expect(kept.filter((body) => !bodies.includes(body))).toEqual([]);
    expect(deaths).toBeGreaterThan(3);
    expect(deepest).toBeGreaterThan(2);
    expect(lost).toBeLessThan(deaths * 4);
    expect(pool.counts()).toMatchObject({ busy: 0, waiting: 0 });
    await pool.end();
    await database.admin('DELETE FROM shared.notes');
  });

  function isDeath(error: Error & { code?: string }): number {
    if (error.code === '57P01' || /Connection terminated|not queryable|ECONNRESET|EPIPE/.test(error.message)) return 1;
    throw error;
  }
});
