import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ConnectionLimit } from '../../../../src/database/connection/connection-failure.js';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { soon } from '../../../support/load/soon.js';
import { PrivatePostgres } from '../../../support/postgres/private-postgres.js';
import { TestPool } from '../../../support/pool/test-pool.js';

/** Without the three that PostgreSQL reserves for superusers. */
const ROOM = 6;
const LIMIT = 8;

let postgres: PrivatePostgres;
let budget: ServerBudget;
let pools: TestPool[];
let limited: [limit: ConnectionLimit, open: number][];
let others: pg.Client[];

beforeAll(async () => {
  postgres = await PrivatePostgres.start({ max_connections: String(ROOM + 3) });
});

afterAll(() => postgres.stop());

beforeEach(() => {
  budget = new ServerBudget(LIMIT);
  limited = [];
  others = [];
  pools = ['first', 'second', 'third'].map((id) => poolOf(id));
});

afterEach(async () => {
  await Promise.all(others.map((client) => client.end()));
  await Promise.all(pools.map((pool) => pool.end()));
  expect(budget.open).toBe(0);
  // The server notices later than we do, and would count them.
  await soon(async () => {
    const ours = `SELECT FROM pg_stat_activity WHERE usename = '${postgres.target.role}'`;
    expect(await postgres.admin(ours)).toEqual([]);
  });
});

function poolOf(id: string, timeoutMs = 20_000): TestPool {
  const options = { size: 8, timeoutMs };
  const onLimited = (...limit: [ConnectionLimit, number]): unknown => limited.push(limit);
  return new TestPool({ ...postgres.target, id }, options, { budget, onLimited });
}

async function use(pool: TestPool): Promise<void> {
  const connection = await pool.acquire();
  await connection.client.query('SELECT pg_sleep(0.01)');
  connection.release();
}

/** Connections of other processes. */
async function occupy(count: number): Promise<void> {
  const { database, role: user, password } = postgres.target;
  for (let n = 0; n < count; n += 1) {
    const client = new pg.Client({ ...postgres.address, database, user, password });
    client.on('error', () => undefined);
    await client.connect();
    others.push(client);
  }
}

async function leave(): Promise<void> {
  await Promise.all(others.splice(0).map((client) => client.end()));
}

describe('a server without connections left', () => {
  it('serves every caller of several pools with the connections that there are, and more once there are more', async () => {
    await occupy(ROOM - 3);
    await Promise.all(pools.flatMap((pool) => Array.from({ length: 10 }, () => use(pool))));
    expect(budget.limit).toBeLessThan(ROOM);
    for (const pool of pools)
      expect(pool.snapshot()).toMatchObject({ breaker: 'closed', openFailures: 0, timeouts: 0 });
    await leave();
    await soon(async () => expect(budget.limit).toBe(LIMIT));
    await Promise.all(pools.map((pool) => use(pool)));
  });

  it('leaves room for connections that are not of a pool', async () => {
    await Promise.all(Array.from({ length: ROOM + 4 }, () => use(pools[0]!)));
    await soon(() => occupy(1));
  });

  it('lets callers of a pool without any wait until there is one', async () => {
    await occupy(ROOM);
    const waiting = use(pools[0]!);
    await soon(async () => expect(budget.limit).toBeLessThan(LIMIT));
    await leave();
    await waiting;
    expect(pools[0]!.snapshot()).toMatchObject({ breaker: 'closed', openFailures: 0 });
  });

  it('is no reason to wait for longer than DB_POOL_TIMEOUT', async () => {
    await occupy(ROOM);
    const impatient = poolOf('impatient', 300);
    pools.push(impatient);
    const callers = Array.from({ length: 5 }, () => use(impatient));
    const outcomes = await Promise.allSettled(callers);
    expect(outcomes).toMatchObject(callers.map(() => ({ status: 'rejected', reason: { code: 'POOL_TIMEOUT' } })));
    expect(impatient.snapshot()).toMatchObject({ breaker: 'closed', openFailures: 0, timeouts: 5 });
  });
});

describe.each([
  ['role', () => `ROLE ${postgres.target.role}`],
  ['database', () => `DATABASE ${postgres.target.database}`],
] as const)('a %s at its own CONNECTION LIMIT', (limit, name) => {
  afterEach(() => postgres.admin(`ALTER ${name()} CONNECTION LIMIT -1`));

  it('lowers what its pool uses, not what the process uses of the server, and says which limit it is', async () => {
    await postgres.admin(`ALTER ${name()} CONNECTION LIMIT 2`);
    const [pool] = pools;
    await Promise.all(Array.from({ length: 5 }, () => use(pool!)));
    // PostgreSQL counts attempts that it is about to refuse: two at once may leave room for one.
    const { opened, ...rest } = pool!.snapshot();
    expect(rest).toMatchObject({ breaker: 'closed', openFailures: 0 });
    expect([1, 2]).toContain(opened);
    expect(budget.limit).toBe(LIMIT);
    expect(limited[0]).toEqual([limit, expect.any(Number)]);
    await postgres.admin(`ALTER ${name()} CONNECTION LIMIT -1`);
    await soon(async () => {
      await Promise.all(Array.from({ length: 5 }, () => use(pool!)));
      expect(pool!.counts().total).toBeGreaterThan(2);
    });
  });
});
