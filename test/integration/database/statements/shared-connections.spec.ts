import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import { clientOf, openPool, POOL_OPTIONS } from '../../../support/statements/notes-database.js';
import { numbers, one, READ, SharingRig, two } from '../../../support/statements/sharing-rig.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const DIVIDE = 'SELECT 1 / $1::int AS quotient /* shared */';

let rig: SharingRig;

beforeAll(async () => {
  rig = await SharingRig.create();
});

afterAll(() => rig.database.drop());

it('callers that can share wait for one connection together, and all others for one each', async () => {
  const cold = new TestPool(rig.database.target, { size: 10 });
  const sharing = await Promise.all(numbers(8).map(() => cold.acquire({ allowsSharing: true })));
  expect([cold.snapshot().opened, new Set(sharing.map(({ client }) => client)).size]).toEqual([1, 1]);
  const alone = await Promise.all(numbers(3).map(() => cold.acquire()));
  expect([cold.snapshot().opened, new Set(alone.map(({ client }) => client)).size]).toEqual([4, 3]);
  for (const connection of [...sharing, ...alone]) connection.release();
  await cold.end();
});

it('a text that was slow only on a new connection shares once it is known to be quick', async () => {
  const fresh = new TestPool(rig.database.target, { size: 1 });
  const text = `SELECT pg_backend_pid() AS pid FROM pg_sleep($1) /* cold */`;
  for (const seconds of [0.05, 0.05, 0.05, 0, 0, 0]) await clientOf(fresh, one).query(text, [seconds]);
  const together = Promise.all([one, two].map((tenant) => clientOf(fresh, tenant).query(text, [0.05])));
  await new Promise(setImmediate);
  expect(fresh.counts()).toMatchObject({ busy: 1, waiting: 0 });
  await together;
  await fresh.end();
});

describe('a shared connection', () => {
  let tap: WireTap;

  beforeEach(async () => {
    tap = await WireTap.before(rig.database.target);
    rig.pool = openPool('pooled', tap.through(rig.database.target), { size: 1 });
    await rig.makeFamiliar(READ, 0);
    tap.take();
  });

  afterEach(async () => {
    await rig.pool.end();
    await tap.close();
  });

  it('carries quick reads of several tenants at once, each by name under its own stamp', async () => {
    tap.freeze();
    const answers = numbers(6).map((n) => rig.query(n % 2 ? one : two, READ, [n]));
    await tap.somethingHeldBack();
    expect(rig.pool.counts()).toMatchObject({ total: 1, busy: 1, waiting: 0 });
    tap.thaw();
    const rows = (await Promise.all(answers)).map((answer) => answer.rows[0]);
    expect(rows).toEqual(numbers(6).map((n) => ({ tenant: n % 2 ? one.id : two.id, n })));
    expect(tap.take()).toBe('BEBES'.repeat(6));
    expect(rig.pool.counts()).toMatchObject({ busy: 0, idle: 1 });
  });

  it.each([
    ['a write', 'UPDATE notes SET body = body WHERE false /* shared */'],
    ['a read that locks', 'SELECT 1 FROM notes FOR UPDATE /* shared */'],
  ])('is not used by %s, however familiar', async (_, text) => {
    await rig.makeFamiliar(text);
    tap.freeze();
    const before = rig.query(one, READ, [1]);
    const alone = rig.query(two, text, []);
    await tap.somethingHeldBack();
    expect(rig.pool.counts()).toMatchObject({ busy: 1, waiting: 1 });
    tap.thaw();
    await Promise.all([before, alone]);
  });

  it('is not used by a read that is not yet known to be quick', async () => {
    tap.freeze();
    const before = rig.query(one, READ, [1]);
    const alone = rig.query(two, `SELECT 'new' AS text`, []);
    expect(rig.pool.counts()).toMatchObject({ busy: 1, waiting: 1 });
    tap.thaw();
    await Promise.all([before, alone]);
  });

  it('fails only the statement with an error, not those before and behind it', async () => {
    await rig.makeFamiliar(DIVIDE, 1);
    const answers = await Promise.allSettled([1, 0, 1, 0, 1].map((n) => rig.query(n ? one : two, DIVIDE, [n])));
    expect(answers.map(({ status }) => status)).toEqual([1, 0, 1, 0, 1].map((n) => (n ? 'fulfilled' : 'rejected')));
    expect(answers[1]).toMatchObject({ reason: { code: '22012' } });
    expect(rig.pool.counts()).toMatchObject({ total: 1, idle: 1 });
  });

  it('fails only the statement with a value that cannot be sent', async () => {
    const unsendable = {
      toPostgres: () => {
        throw new RangeError('not for the wire');
      },
    };
    const answers = await Promise.allSettled([1, unsendable, 3].map((value) => rig.query(one, READ, [value])));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(rig.pool.counts()).toMatchObject({ total: 1, idle: 1 });
  });

  it('is given to a transaction alone after the statements in flight and before later ones', async () => {
    tap.freeze();
    const order: string[] = [];
    const before = numbers(4).map((n) => rig.query(one, READ, [n]).then(() => order.push('before')));
    await tap.somethingHeldBack();
    const client = clientOf(rig.pool, two);
    const begun = client.query('BEGIN').then(() => order.push('begun'));
    const behind = rig.query(one, READ, [9]).then(() => order.push('behind'));
    tap.thaw();
    await Promise.all([...before, begun]);
    expect(order).toEqual([...before.map(() => 'before'), 'begun']);
    expect((await client.query(READ, [5])).rows).toEqual([{ tenant: two.id, n: 5 }]);
    await client.query('COMMIT');
    await behind;
  });

  it('repeats reads that had not begun when the server closed it', async () => {
    const sleep = await rig.quickSoFar();
    const first = rig.query(one, sleep, [0.5, 'first']);
    const behind = numbers(5).map((n) => rig.query(two, READ, [n]));
    expect(rig.pool.counts()).toMatchObject({ busy: 1, waiting: 0 });
    await rig.untilSleeping();
    await rig.database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'`,
      [rig.database.role],
    );
    expect((await first).rows).toMatchObject([{ who: 'first' }]);
    expect((await Promise.all(behind)).map(({ rows }) => rows[0])).toEqual(
      numbers(5).map((n) => ({ tenant: two.id, n })),
    );
  });

  it('repeats nothing when it broke silently', async () => {
    tap.freeze();
    const answers = numbers(4).map((n) => rig.query(one, READ, [n]));
    await tap.somethingHeldBack();
    tap.cut();
    const settled = await Promise.allSettled(answers);
    expect(settled.map(({ status }) => status)).toEqual(numbers(4).map(() => 'rejected'));
    tap.thaw();
    expect((await rig.query(two, READ, [7])).rows).toEqual([{ tenant: two.id, n: 7 }]);
    expect(tap.take().match(/S/g)?.length).toBe(4 + 1);
  });

  it('rejects all waiting statements with the read timeout when the server stops answering', async () => {
    await rig.pool.end();
    rig.pool = openPool('pooled', tap.through(rig.database.target), { size: 1, statementTimeoutMs: 200 });
    await rig.query(one, READ, [0]);
    tap.freeze();
    const settled = await Promise.allSettled(numbers(3).map((n) => rig.query(one, READ, [n])));
    // On a busy machine the connection has been idle for so long that it is tested first, and then opened again.
    const message = expect.stringMatching(/^Query read timeout$|cannot be reached: timeout expired$/);
    expect(settled).toMatchObject(numbers(3).map(() => ({ reason: { message } })));
    tap.thaw();
    expect((await rig.query(two, READ, [7])).rows).toEqual([{ tenant: two.id, n: 7 }]);
  });
});

it('a pool whose shared connections are never idle releases one for another pool of the server', async () => {
  const budget = new ServerBudget(1);
  rig.pool = new TestPool(rig.database.target, POOL_OPTIONS, { budget });
  const starved = new TestPool(rig.database.target, POOL_OPTIONS, { budget });
  const sleep = await rig.quickSoFar(); // so that answers arrive one by one, with others in flight
  const load = { isWanted: true };
  const work = async (): Promise<void> => {
    while (load.isWanted) await rig.query(one, sleep, [0.004, 'busy']);
  };
  const workers = numbers(6).map(work);
  expect((await clientOf(starved, two).query(READ, [8])).rows).toEqual([{ tenant: two.id, n: 8 }]);
  load.isWanted = false;
  await Promise.all(workers);
  await Promise.all([rig.pool.end(), starved.end()]);
  expect(budget.open).toBe(0);
});
