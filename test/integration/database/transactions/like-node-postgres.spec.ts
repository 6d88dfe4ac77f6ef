import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { soon } from '../../../support/load/soon.js';
import type { TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import {
  clientOf,
  createNotesDatabase,
  leftovers,
  NOTHING_LEFT,
  openPool,
  tenantIn,
} from '../../../support/statements/notes-database.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';

/** What a test does with node-postgres' client, and with a tenant's, which must do the same. */
type Client = Pick<pg.Client, 'query'>;
type Outcome = (client: Client) => Promise<unknown>;

const [one, two] = [tenantIn('shared'), tenantIn('shared')];
const NUMBERS = 'SELECT n FROM generate_series(1, 100) n';

let database: TenantDatabase;
let pool: TestPool;
let plain: pg.Client;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
});

afterAll(() => database.drop());

beforeEach(async () => {
  pool = openPool('pooled', database.target);
  const { role: user, password, database: name, server } = database.target;
  plain = new pg.Client({ user, password, database: name, host: server.host, port: server.port });
  await plain.connect();
  await plain.query(`SELECT set_config('app.tenant_id', $1, false), set_config('search_path', 'shared', false)`, [
    two.id,
  ]);
});

/** Nothing is held, and nothing is left on the connections that other tenants use. */
afterEach(async () => {
  await plain.end();
  await soon(async () => expect(pool.counts()).toMatchObject({ busy: 0, waiting: 0 }));
  expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  await pool.end();
  await database.admin('DELETE FROM shared.notes');
});

const tenantClient = (): Client => clientOf(pool, one) as unknown as Client;

/** @returns what both do */
async function bothDo(outcome: Outcome): Promise<unknown> {
  const expected = await outcome(plain);
  const tenant = tenantClient();
  expect(await outcome(tenant)).toEqual(expected);
  return expected;
}

async function bothDoInTransactions(outcome: Outcome): Promise<unknown> {
  return bothDo(async (client) => {
    await client.query('BEGIN');
    const result = await outcome(client);
    const next = (await client.query('SELECT 1 AS next')).rows;
    await client.query('COMMIT');
    return { result, next };
  });
}

describe('a cursor closed before its first read', () => {
  const closeAtOnce: Outcome = async (client) => {
    const cursor = client.query(newCursor(NUMBERS));
    await cursor.close();
    return cursor.read(1);
  };

  it('releases its connection at once', async () => {
    expect(await bothDo(closeAtOnce)).toEqual([]);
  });

  it('lets the next statement of its transaction run', async () => {
    expect(await bothDoInTransactions(closeAtOnce)).toEqual({ result: [], next: [{ next: 1 }] });
  });

  it('does so as well when it has been sent already', async () => {
    const closeLater: Outcome = async (client) => {
      const cursor = client.query(newCursor(NUMBERS));
      await delay(50);
      await cursor.close();
      return cursor.read(1);
    };
    expect(await bothDo(closeLater)).toEqual([]);
    expect(await bothDoInTransactions(closeLater)).toEqual({ result: [], next: [{ next: 1 }] });
  });

  it('still receives the rows that were asked for before', async () => {
    const readAndClose: Outcome = async (client) => {
      const cursor = client.query(newCursor(NUMBERS));
      const reading = cursor.read(2);
      const closed = cursor.close();
      const rows = await reading;
      await closed;
      return rows;
    };
    expect(await bothDo(readAndClose)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await bothDoInTransactions(readAndClose)).toMatchObject({ result: [{ n: 1 }, { n: 2 }] });
  });

  it.each([0, 1, 2, 3, 5, 8, 13])('also as a stream that is destroyed after %i turns', async (turns) => {
    const destroy: Outcome = async (client) => {
      const stream = client.query(new QueryStream(NUMBERS));
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      const closed = once(stream, 'close');
      stream.destroy();
      await closed;
      return 'closed';
    };
    expect(await bothDo(destroy)).toBe('closed');
    expect(await bothDoInTransactions(destroy)).toEqual({ result: 'closed', next: [{ next: 1 }] });
  });
});

describe('a node-postgres Query', () => {
  const ended = (query: pg.Query): Promise<unknown> =>
    new Promise((resolve) => {
      const rows: unknown[] = [];
      query.on('row', (row: unknown) => rows.push(row));
      query.on('error', (error) => resolve({ error: (error as { code?: unknown }).code }));
      query.on('end', (result) => resolve({ rows, kept: result.rows.length }));
    });

  it('emits `error` where it has no callback, and keeps no rows for its listeners', async () => {
    expect(await bothDo((client) => ended(client.query(new pg.Query('SELECT 1/0 AS never'))))).toEqual({
      error: '22012',
    });
    expect(await bothDo((client) => ended(client.query(new pg.Query('SELECT 1 AS a'))))).toEqual({
      rows: [{ a: 1 }],
      kept: 0,
    });
  });

  it('emits `error` for a row that its type parser refuses', async () => {
    const types = {
      getTypeParser: () => () => {
        throw Object.assign(new Error('unreadable'), { code: 'UNREADABLE' });
      },
    };
    const config = { text: 'SELECT 1 AS a', types: types as unknown as pg.CustomTypesConfig };
    expect(await bothDo((client) => ended(client.query(new pg.Query(config))))).toEqual({ error: 'UNREADABLE' });
  });

  it('calls its callback, wherever it was given', async () => {
    const called: Outcome = (client) =>
      new Promise((resolve) => {
        client.query(new pg.Query('SELECT 1 AS a', (error, result) => resolve([error, result.rows])));
      });
    const calledBehind: Outcome = (client) =>
      new Promise((resolve) => {
        const query = client.query as (...args: unknown[]) => unknown;
        query.call(client, new pg.Query('SELECT 1/0'), (error: { code: string }) => resolve(error.code));
      });
    const calledInConfig: Outcome = (client) =>
      new Promise((resolve) => {
        const callback = (error: unknown, { rows }: pg.QueryResult): void => resolve([error, rows]);
        void client.query({ text: 'SELECT 1 AS a', callback } as pg.QueryConfig);
      });
    expect(await bothDo(called)).toEqual([null, [{ a: 1 }]]);
    expect(await bothDo(calledBehind)).toBe('22012');
    expect(await bothDo(calledInConfig)).toEqual([null, [{ a: 1 }]]);
  });

  it('reads a page of rows at a time', async () => {
    const paged = { text: NUMBERS, rows: 7 } as pg.QueryConfig;
    const counted: Outcome = async (client) => ((await ended(client.query(new pg.Query(paged)))) as Paged).rows.length;
    expect(await bothDo(counted)).toBe(100);
    expect(await bothDoInTransactions(counted)).toEqual({ result: 100, next: [{ next: 1 }] });
  });
});

interface Paged {
  readonly rows: unknown[];
}

describe('a query with a name', () => {
  const SECRET = `SELECT 'secret of one'::text AS secret`;
  const submittable = (name: string, text?: string): pg.Query => new pg.Query({ name, text: text as string });
  const answer = async (client: Client, query: pg.Query): Promise<unknown> => {
    const rows: unknown[] = [];
    client.query(query).on('row', (row: unknown) => rows.push(row));
    return once(query, 'end').then(
      () => rows,
      (error: Error) => error.message,
    );
  };

  it("leaves nothing on a shared connection that another tenant's statement could meet", async () => {
    const client = tenantClient();
    expect(await answer(client, submittable('mine', SECRET))).toEqual([{ secret: 'secret of one' }]);
    expect((await client.query({ name: 'mine too', text: SECRET })).rowCount).toBe(1);
    expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
    const other = clientOf(pool, two) as unknown as Client;
    for (let times = 0; times < 5; times += 1) {
      expect(await answer(other, submittable('mine', 'SELECT 2 AS b'))).toEqual([{ b: 2 }]);
    }
  });

  it('may be sent again without its text, and with no other text', async () => {
    const again: Outcome = async (client) => [
      await answer(client, submittable('twice', 'SELECT 1 AS a')),
      await answer(client, submittable('twice', 'SELECT 1 AS a')),
      await answer(client, submittable('twice')),
      await answer(client, submittable('twice', 'SELECT 2 AS b')),
      await client.query({ name: 'twice', text: 'SELECT 3' }).catch((error: Error) => error.message),
      (await client.query({ name: 'twice' } as pg.QueryConfig)).rows,
    ];
    expect(await bothDo(again)).toEqual([
      [{ a: 1 }],
      [{ a: 1 }],
      [{ a: 1 }],
      `Prepared statements must be unique - 'twice' was used for a different statement`,
      `Prepared statements must be unique - 'twice' was used for a different statement`,
      [{ a: 1 }],
    ]);
    expect(await bothDoInTransactions(again)).toMatchObject({ next: [{ next: 1 }] });
  });

  it('binds its values each time', async () => {
    const valued: Outcome = async (client) => {
      const rows: unknown[] = [];
      for (const n of [1, 2, 3]) {
        const query = new pg.Query({ name: 'valued', text: 'SELECT $1::int AS n', values: [n] });
        rows.push(await answer(client, query));
        rows.push((await client.query({ name: 'valued', text: 'SELECT $1::int AS n', values: [n] })).rows);
      }
      return rows;
    };
    expect(await bothDo(valued)).toEqual([1, 1, 2, 2, 3, 3].map((n) => [{ n }]));
  });
});

describe('statements that are not awaited', () => {
  const INSERT = 'INSERT INTO notes (body) VALUES ($1)';
  const COUNT = 'SELECT count(*)::int AS n FROM notes';
  const count = async (client: Client): Promise<number> => ((await client.query(COUNT)).rows[0] as { n: number }).n;

  it('run in the order of the calls', async () => {
    const counts: Outcome = async (client) => {
      const seen: Promise<number>[] = [];
      for (let n = 0; n < 50; n += 1) {
        void client.query(INSERT, [`note ${n}`]);
        seen.push(count(client));
      }
      return Promise.all(seen);
    };
    expect(await bothDo(counts)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  });

  it('run in order with transactions, cursors and failures among them', async () => {
    const order: Outcome = async (client) => {
      void client.query(INSERT, ['before']);
      void client.query('BEGIN');
      void client.query(INSERT, ['within']);
      void client.query('COMMIT');
      const afterwards = count(client);
      const failed = client.query('SELECT 1/0').catch((error: { code: string }) => error.code);
      void client.query(INSERT, ['behind']);
      const cursor = client.query(newCursor('SELECT body FROM notes ORDER BY body'));
      void client.query(INSERT, ['after the cursor']);
      const bodies = await cursor.read(100);
      await cursor.close();
      return [await afterwards, await failed, bodies, await count(client)];
    };
    expect(await bothDo(order)).toEqual([2, '22012', [{ body: 'before' }, { body: 'behind' }, { body: 'within' }], 4]);
  });

  it('do not wait for those of another query runner', async () => {
    const [slow, quick] = [tenantClient(), tenantClient()];
    const finished: string[] = [];
    const sleeping = slow.query('SELECT pg_sleep(0.5)').then(() => finished.push('slow'));
    await quick.query('SELECT 1').then(() => finished.push('quick'));
    await sleeping;
    expect(finished).toEqual(['quick', 'slow']);
  });

  it('run although the client was released meanwhile', async () => {
    const client = clientOf(pool, one);
    const results = [client.query(INSERT, ['first']), client.query(INSERT, ['second'])];
    client.release();
    expect((await Promise.all(results)).map(({ rowCount }) => rowCount)).toEqual([1, 1]);
  });
});

describe('a type parser', () => {
  const INTEGER = 23;

  it('set after a statement got its name holds from the next execution on', async () => {
    const text = 'SELECT 5::int AS parsed_again';
    const before = pg.types.getTypeParser(INTEGER);
    const [client, other] = [tenantClient(), clientOf(pool, two)];
    for (let n = 0; n < 8; n += 1) {
      await client.query(text);
      await other.query(text);
    }
    try {
      pg.types.setTypeParser(INTEGER, (value: string) => `<${value}>`);
      expect(await bothDo(async (any) => (await any.query(text)).rows)).toEqual([{ parsed_again: '<5>' }]);
      const arrays = { text, rowMode: 'array' };
      expect(await bothDo(async (any) => (await any.query(arrays)).rows)).toEqual([['<5>']]);
    } finally {
      pg.types.setTypeParser(INTEGER, before);
    }
    expect((await client.query(text)).rows).toEqual([{ parsed_again: 5 }]);
  });
});
