import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { toConstraintViolation } from '../../../../src/database/data-source/constraint-violation.js';
import type { TenantPool } from '../../../../src/tenant/tenant-pool/tenant-pool.js';
import { soon } from '../../../support/load/soon.js';
import { leftovers, NOTHING_LEFT } from '../../../support/statements/notes-database.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';
import { PoolRig } from '../../../support/tenant-pool/pool-rig.js';

const INSERT = 'INSERT INTO notes (body) VALUES ($1)';
const BODIES = 'SELECT body FROM notes ORDER BY body';

let rig: PoolRig;
let pool: TenantPool;

beforeAll(async () => {
  rig = await PoolRig.create();
});

beforeEach(() => {
  pool = rig.newPool();
});

/** Nothing is held, and nothing is left on the connections that other tenants use. */
afterEach(async () => {
  await soon(async () => expect(rig.connections.counts()).toMatchObject({ busy: 0, waiting: 0 }));
  expect(await leftovers(rig.connections)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  await rig.database.admin('DELETE FROM shared.notes');
});

afterAll(() => rig.dispose());

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'resolved',
    (error: { code?: unknown; message: string }) => error.code ?? error.message,
  );

/** What node-postgres' own pool does, with a new connection for each client. */
async function withPlainPool<T>(work: (plain: pg.Pool) => Promise<T>): Promise<T> {
  const plain = new pg.Pool({ connectionString: rig.database.url, maxUses: 1 });
  try {
    return await work(plain);
  } finally {
    await plain.end();
  }
}

/** As a library does that was created once with the pool. */
async function bodies(): Promise<string[]> {
  return (await pool.query<{ body: string }>(BODIES)).rows.map(({ body }) => body);
}

describe('query', () => {
  it("reaches the rows of the context's tenant, whichever calls run beside it", async () => {
    const calls = Array.from({ length: 40 }, (_, n) => {
      const tenant = n % 2 === 0 ? rig.one : rig.two;
      return rig.run(tenant, async () => {
        await pool.query(INSERT, [`${n % 2} of ${n}`]);
        return (await bodies()).every((body) => body.startsWith(`${n % 2} `));
      });
    });
    expect(new Set(await Promise.all(calls))).toEqual(new Set([true]));
    expect(await rig.run(rig.one, bodies)).toHaveLength(20);
  });

  it('follows the context from call to call', async () => {
    await rig.run(rig.one, () => pool.query(INSERT, ['one']));
    const seen = await rig.run(rig.one, async () => [await bodies(), await rig.run(rig.two, bodies), await bodies()]);
    expect(seen).toEqual([['one'], [], ['one']]);
  });

  it('is refused outside a tenant', async () => {
    const called = new Promise((resolve) => pool.query('SELECT 1', (error) => resolve(error)));
    expect(await codeOf(pool.query('SELECT 1'))).toBe('NO_TENANT_CONTEXT');
    expect(await called).toMatchObject({ code: 'NO_TENANT_CONTEXT' });
    expect(await codeOf(pool.connect())).toBe('NO_TENANT_CONTEXT');
    expect(() => pool.query(newCursor('SELECT 1'))).toThrow(expect.objectContaining({ code: 'NO_TENANT_CONTEXT' }));
  });

  it.each([
    ['SET', `SET TimeZone = 'UTC'`, 'SESSION_STATEMENT_REFUSED'],
    ['the stamp', `SELECT set_config('app.tenant_id', 'x', true)`, 'SESSION_STATEMENT_REFUSED'],
    ['COPY', 'COPY notes TO STDOUT', 'SESSION_STATEMENT_REFUSED'],
    ['DO', 'DO $$ BEGIN END $$', 'SESSION_STATEMENT_REFUSED'],
    ['two commands', `SELECT 1; SELECT 2`, '42601'],
  ])('refuses %s as TypeORM has it', async (_name, text, code) => {
    expect(await rig.run(rig.one, () => codeOf(pool.query(text)))).toBe(code);
  });

  it('rejects with an error that has a code when it ran for too long', async () => {
    const slow = rig.run(rig.one, () =>
      pool.connect().then(async (client) => {
        await client.query('BEGIN');
        await client.query(`SET LOCAL statement_timeout = '50ms'`);
        return client.query('SELECT pg_sleep(5)').finally(() => client.release());
      }),
    );
    expect(await codeOf(slow)).toBe('STATEMENT_TIMEOUT');
  });

  it('has its violated constraints described by names, as for TypeORM', async () => {
    const violation = await rig.run(rig.one, async () => {
      await pool.query(INSERT, ['twice']);
      return pool.query(INSERT, ['twice']).catch(toConstraintViolation);
    });
    expect(violation).toMatchObject({ code: 'CONFLICT', constraint: { columns: ['body'] } });
  });

  it('takes what node-postgres takes: a text, a config, rows as arrays, a callback, a stream', async () => {
    const answers = async (any: Pick<pg.Pool, 'query'>): Promise<unknown> => [
      (await any.query('SELECT $1::int AS n', [1])).rows,
      (await any.query({ text: 'SELECT $1::int AS n', values: [2] })).rows,
      (await any.query({ text: 'SELECT 3 AS n', rowMode: 'array' })).rows,
      (await any.query({ name: 'named', text: 'SELECT $1::int AS n' }, [4])).rows,
      await new Promise((resolve) => any.query('SELECT 5 AS n', (_error, { rows }) => resolve(rows))),
      await new Promise((resolve) => any.query('SELECT $1::int AS n', [6], (_error, { rows }) => resolve(rows))),
      await new Promise((resolve) => any.query('SELECT 1/0', (error) => resolve((error as never)['code']))),
      await codeOf(any.query('SELECT 1/0')),
    ];
    const expected = await withPlainPool(answers);
    expect(await rig.run(rig.one, () => answers(pool))).toEqual(expected);
    const streamed = await rig.run(rig.one, () =>
      pool.query(new QueryStream('SELECT n FROM generate_series(1, 3) n')).toArray(),
    );
    expect(streamed).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });
});

describe('a client', () => {
  it('runs a transaction, with savepoints and a rollback', async () => {
    const kept = await rig.run(rig.one, async () => {
      const client = await pool.connect();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await client.query(INSERT, ['kept']);
      await client.query('SAVEPOINT inner_one');
      await client.query(INSERT, ['undone']);
      await client.query('ROLLBACK TO SAVEPOINT inner_one');
      await client.query('COMMIT');
      await client.query('BEGIN');
      await client.query(INSERT, ['rolled back']);
      await client.query('ROLLBACK');
      client.release();
      return bodies();
    });
    expect(kept).toEqual(['kept']);
  });

  it('belongs to the tenant that it was taken for', async () => {
    const client = await rig.run(rig.one, () => pool.connect());
    expect(await rig.run(rig.two, () => codeOf(client.query(BODIES)))).toBe('WRONG_TENANT');
    expect(await rig.run(rig.one, () => codeOf(client.query(BODIES)))).toBe('resolved');
    client.release();
  });

  it('that is released within a transaction has it rolled back', async () => {
    await rig.run(rig.one, async () => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(INSERT, ['never']);
      client.release(new Error('given up'));
      expect(await codeOf(client.query(BODIES))).toBe('SESSION_ENDED');
      expect(() => client.release()).toThrow('Release called on client which has already been released to the pool.');
    });
    expect(await rig.run(rig.one, bodies)).toEqual([]);
  });

  it('is handed to a callback with its release', async () => {
    const rows = await rig.run(
      rig.one,
      () =>
        new Promise((resolve, reject) => {
          pool.connect((error, client, done) => {
            if (!client) return reject(error);
            client.query('SELECT 1 AS n', (_error, result) => {
              done();
              resolve(result.rows);
            });
          });
        }),
    );
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('reads with a cursor', async () => {
    const rows = await rig.run(rig.one, async () => {
      const client = await pool.connect();
      const cursor = client.query(newCursor('SELECT n FROM generate_series(1, 5) n'));
      const read = await cursor.read(2);
      await cursor.close();
      client.release();
      return read;
    });
    expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
  });
});

describe('the pool', () => {
  it('is a pg.Pool that never opens a connection itself', () => {
    expect(pool).toBeInstanceOf(pg.Pool);
    // What a library does that has another copy of pg: it takes the pool for the options of one.
    const opened = new pg.Pool(pool as unknown as pg.PoolConfig);
    expect(() => opened.connect()).toThrow(expect.objectContaining({ code: 'OWN_CONNECTION' }));
    expect(JSON.stringify(pool.options)).not.toContain('password');
  });

  it("counts the connections of the current tenant's database, and none outside a tenant", async () => {
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([0, 0, 0]);
    const counts = await rig.run(rig.one, async () => {
      await pool.query('SELECT 1');
      return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
    });
    expect(counts).toMatchObject({ total: rig.connections.counts().total, waiting: 0 });
    expect(counts.idle).toBeGreaterThan(0);
  });

  it('emits what happens to its clients, in the order of pg-pool', async () => {
    const eventsOf = async (any: pg.Pool): Promise<string[]> => {
      const seen: string[] = [];
      for (const name of ['connect', 'acquire', 'release', 'remove'] as const) any.on(name, () => seen.push(name));
      const removed = new Promise<void>((resolve) => void any.once('remove', () => resolve()));
      (await any.connect()).release();
      await removed;
      return seen;
    };
    const expected = await withPlainPool(eventsOf);
    expect(await rig.run(rig.one, () => eventsOf(pool))).toEqual(expected);
  });

  it('ends although a listener has kept a client from its caller', async () => {
    const other = rig.newPool();
    other.once('acquire', () => {
      throw new Error('the listener has failed');
    });
    await rig.run(rig.one, async () => {
      await expect(other.connect()).rejects.toThrow('the listener has failed');
      await other.end();
    });
  });

  it('ends as pg-pool does, once its clients are released, and the tenants go on', async () => {
    await rig.run(rig.one, async () => {
      const client = await pool.connect();
      const ending = pool.end();
      expect([pool.ending, pool.ended]).toEqual([true, false]);
      expect(await codeOf(pool.query('SELECT 1'))).toBe('Cannot use a pool after calling end on the pool');
      expect(await codeOf(client.query('SELECT 1'))).toBe('resolved');
      client.release();
      await ending;
      expect(pool.ended).toBe(true);
      expect(await codeOf(pool.end())).toBe('Called end on pool more than once');
      expect(await codeOf(rig.newPool().query('SELECT 1'))).toBe('resolved');
    });
  });
});
