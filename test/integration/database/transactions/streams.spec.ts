import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import QueryStream from 'pg-query-stream';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import {
  clientOf,
  createNotesDatabase,
  leftovers,
  NOTHING_LEFT,
  openPool,
  POOL_KINDS,
  tenantIn,
} from '../../../support/statements/notes-database.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';
import { WireTap } from '../../../support/statements/wire-tap.js';
import type { TestPool } from '../../../support/pool/test-pool.js';

const NUMBERS = `SELECT n, current_setting('app.tenant_id') AS tenant FROM generate_series(1, 1000) n`;
const tenant = tenantIn('shared');

let database: TenantDatabase;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
});

afterAll(() => database.drop());

async function rowsOf(stream: QueryStream): Promise<{ n: number; tenant: string }[]> {
  const rows: { n: number; tenant: string }[] = [];
  for await (const row of stream) rows.push(row as { n: number; tenant: string });
  return rows;
}

describe.each(POOL_KINDS)('streams and cursors (%s)', (kind) => {
  let tap: WireTap;
  let pool: TestPool;
  let client: StampedClient;

  beforeEach(async () => {
    tap = await WireTap.before(database.target);
    pool = openPool(kind, tap.through(database.target));
    client = clientOf(pool, tenant);
  });

  /** Every connection has been released: an ending pool waits for the others. */
  afterEach(async () => {
    client.release();
    if (kind === 'pooled') expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
    await pool.end();
    expect(pool.counts()).toMatchObject({ total: 0, busy: 0, waiting: 0 });
    await tap.close();
    await database.admin('DELETE FROM shared.notes');
  });

  const inAndOutsideTransactions = async (work: (outside: boolean) => Promise<void>): Promise<void> => {
    await work(true);
    await client.query('BEGIN');
    await work(false);
    await client.query('ROLLBACK');
  };

  it('are read to their end', async () => {
    await inAndOutsideTransactions(async () => {
      const rows = await rowsOf(client.query(new QueryStream(NUMBERS)));
      expect(rows).toHaveLength(1000);
      expect(rows.every((row) => row.tenant === tenant.id)).toBe(true);
    });
  });

  it('may be ended early', async () => {
    await inAndOutsideTransactions(async (outside) => {
      const stream = client.query(new QueryStream(NUMBERS, [], { batchSize: 10 }));
      for await (const row of stream) {
        expect(row).toMatchObject({ tenant: tenant.id });
        break;
      }
      if (!outside) await expect(client.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    });
  });

  it('may be abandoned before they are sent', async () => {
    await inAndOutsideTransactions(async (outside) => {
      const stream = client.query(new QueryStream(NUMBERS));
      const closed = once(stream, 'close');
      stream.destroy();
      await closed;
      if (!outside) await expect(client.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    });
  });

  it('report an error before the first row or after many', async () => {
    const failing = 'SELECT 1000 / (900 - n) AS n FROM generate_series(1, 1000) n';
    for (const text of ['SELECT nothing', failing]) {
      await inAndOutsideTransactions(async (outside) => {
        await expect(rowsOf(client.query(new QueryStream(text)))).rejects.toMatchObject({
          code: text === failing ? '22012' : '42703',
        });
        if (!outside) await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
      });
    }
  });

  it('report the loss of their connection', async () => {
    await inAndOutsideTransactions(async () => {
      const text = 'SELECT pg_backend_pid() AS n FROM generate_series(1, 1000)';
      const stream = client.query(new QueryStream(text, [], { batchSize: 1 }));
      const reading = (async () => {
        for await (const { n } of stream) await database.admin('SELECT pg_terminate_backend($1)', [n]);
      })();
      await expect(reading).rejects.toThrow();
    });
  });

  it('work as bare cursors, closed or read to the end', async () => {
    await inAndOutsideTransactions(async () => {
      const cursor = client.query(newCursor(NUMBERS));
      expect(await cursor.read(3)).toMatchObject([{ n: 1 }, { n: 2, tenant: tenant.id }, { n: 3 }]);
      await cursor.close();
      const whole = client.query(newCursor(NUMBERS));
      expect(await whole.read(2000)).toHaveLength(1000);
      expect(await whole.read(1)).toEqual([]);
    });
  });

  it('leave no read timeout behind that would fire on a released connection', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    await client.query('SELECT 1');
    const before = timers();
    const cursor = client.query(newCursor('SELECT 1/0'));
    await expect(cursor.read(1)).rejects.toMatchObject({ code: '22012' });
    await pool.end();
    expect(timers()).toBeLessThanOrEqual(before);
    pool = openPool(kind, tap.through(database.target));
  });

  it('fail when no connection is available', async () => {
    await pool.end();
    await expect(rowsOf(client.query(new QueryStream(NUMBERS)))).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await expect(client.query(newCursor(NUMBERS)).read(1)).rejects.toMatchObject({ code: 'POOL_ENDED' });
    pool = openPool(kind, tap.through(database.target));
  });

  it('report that the COMMIT queued behind them fails', async () => {
    const stream = client.query(new QueryStream(`INSERT INTO notes (body, parent) VALUES ('orphan', -1) RETURNING id`));
    const failed = once(stream, 'error').catch((error: unknown) => [error]);
    stream.resume();
    expect(await failed).toMatchObject([{ code: '23503' }]);
    expect(await database.admin('SELECT FROM shared.notes')).toEqual([]);
  });

  it('run a node-postgres Query of one command', async () => {
    const query = client.query(new pg.Query(NUMBERS));
    const rows: unknown[] = [];
    query.on('row', (row) => rows.push(row));
    await once(query, 'end');
    expect(rows).toHaveLength(1000);
    expect(() => client.query(new pg.Query(`SELECT 1; SET app.tenant_id = 'left'`))).toThrow(
      expect.objectContaining({ code: 'MULTIPLE_COMMANDS' }),
    );
  });

  it('are subject to the same checks as statements', () => {
    expect(() => client.query(new QueryStream(`SELECT set_config('a', 'b', false)`))).toThrow(
      expect.objectContaining({ code: 'SESSION_STATEMENT_REFUSED' }),
    );
    expect(() => client.query({ submit: () => undefined })).toThrow(
      expect.objectContaining({ code: 'UNREADABLE_SUBMITTABLE' }),
    );
    client.release();
    expect(() => client.query(new QueryStream(NUMBERS))).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
  });

  it('are sent with the text that was checked', async () => {
    await inAndOutsideTransactions(async () => {
      const cursor = client.query(newCursor('SELECT 1 AS n'));
      expect(() => Object.assign(cursor, { text: 'SELECT 2 AS n' })).toThrow(TypeError);
      expect(await cursor.read(1)).toEqual([{ n: 1 }]);
      await cursor.close();
      const texts = ['SELECT 1 AS n', `SET application_name = 'left'`];
      const changing = Object.defineProperty(new pg.Query(''), 'text', { get: () => texts.shift() });
      await once(client.query(changing), 'end');
      expect(texts).toHaveLength(1);
    });
  });

  it('are finished before later statements of their transaction run', async () => {
    await client.query('BEGIN');
    const stream = rowsOf(client.query(new QueryStream(NUMBERS, [], { batchSize: 10 })));
    const behind = client.query(`INSERT INTO notes (body) VALUES ('behind')`);
    const committed = client.query('COMMIT');
    expect(await stream).toHaveLength(1000);
    await expect(behind).resolves.toMatchObject({ rowCount: 1 });
    await expect(committed).resolves.toMatchObject({ command: 'COMMIT' });
  });
});

it('a stream whose reader stops is ended, and its connection is not reused', async () => {
  const pool = openPool('pooled', database.target, { leaseIdleTimeoutMs: 200 });
  const text = 'SELECT generate_series(1, 1000) AS n';
  const stream = clientOf(pool, tenant).query(new QueryStream(text, [], { batchSize: 1 }));
  await once(stream, 'readable');
  expect(pool.counts()).toMatchObject({ busy: 1 });
  await pool.end(); // waits until the connection is back
  await expect(rowsOf(stream)).rejects.toThrow();
});
