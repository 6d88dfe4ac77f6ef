import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import QueryStream from 'pg-query-stream';
import { createTenantDataSource } from '../../../../src/database/data-source/tenant-data-source.js';
import { TemplateDataSource } from '../../../../src/database/data-source/template-data-source.js';
import { runLimitedTransaction } from '../../../../src/database/data-source/limited-transaction.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import type { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { soon } from '../../../support/load/soon.js';
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { clientOf, createNotesDatabase, openPool, tenantIn } from '../../../support/statements/notes-database.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const LIMIT_MS = 400;
/** A reader's pause that alone stays within the limit, and four of which do not. */
const PAUSE_MS = 150;
const NUMBERS = 'SELECT n FROM generate_series(1, 8) n';
const tenant = tenantIn('shared');

let database: TenantDatabase;
let tap: WireTap;
let pool: TestPool;
let client: StampedClient;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
});

afterAll(() => database.drop());

beforeEach(async () => {
  tap = await WireTap.before(database.target);
  pool = openPool('pooled', tap.through(database.target), { size: 1, statementTimeoutMs: LIMIT_MS });
  client = clientOf(pool, tenant);
});

afterEach(async () => {
  client.release();
  await soon(async () => expect(pool.counts()).toMatchObject({ busy: 0 }));
  await pool.end();
  await tap.close();
});

/** The client waits for the server for as long as its own limit says, without the margin of five seconds. */
async function withoutMargin(): Promise<void> {
  const connection = await pool.acquire();
  Object.assign((connection.client as unknown as { connectionParameters: object }).connectionParameters, {
    query_timeout: LIMIT_MS,
  });
  connection.release();
}

async function slowly(stream: QueryStream): Promise<number> {
  let count = 0;
  for await (const _row of stream) {
    count += 1;
    await delay(PAUSE_MS);
  }
  return count;
}

const byOnes = (): QueryStream => new QueryStream(NUMBERS, [], { batchSize: 1, highWaterMark: 1 });

describe("a reader's own time", () => {
  it('does not count towards the limit of a stream, in and outside transactions', async () => {
    expect(await slowly(client.query(byOnes()))).toBe(8);
    await client.query('BEGIN');
    expect(await slowly(client.query(byOnes()))).toBe(8);
    await client.query('COMMIT');
  });

  it('does not count before the first read and after the last', async () => {
    await client.query('BEGIN');
    const cursor = client.query(newCursor(NUMBERS));
    await delay(2 * LIMIT_MS);
    expect(await cursor.read(2)).toEqual([{ n: 1 }, { n: 2 }]);
    await delay(2 * LIMIT_MS);
    await cursor.close();
    await expect(client.query('COMMIT')).resolves.toMatchObject({ command: 'COMMIT' });
  });
});

describe('a fetch', () => {
  it('that takes longer than the limit fails alone', async () => {
    const cursor = client.query(
      newCursor('SELECT n, pg_sleep(CASE n WHEN 3 THEN 2 ELSE 0 END) FROM generate_series(1, 4) n'),
    );
    expect(await cursor.read(2)).toMatchObject([{ n: 1 }, { n: 2 }]);
    await expect(cursor.read(2)).rejects.toMatchObject({ code: '57014' });
    await expect(client.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it('that a frozen server never answers ends with STATEMENT_TIMEOUT, and its connection is closed', async () => {
    await withoutMargin();
    await client.query('BEGIN');
    const cursor = client.query(newCursor(NUMBERS));
    expect(await cursor.read(2)).toHaveLength(2);
    tap.freeze();
    await expect(cursor.read(2)).rejects.toMatchObject({ code: 'STATEMENT_TIMEOUT' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
    tap.thaw();
  });
});

describe('a transaction that sets its own statement_timeout', () => {
  const LONG = `SELECT pg_sleep(${(3 * LIMIT_MS) / 1_000})`;

  it('is waited for by the client as well', async () => {
    await withoutMargin();
    await client.query('BEGIN');
    await client.query(`SET LOCAL statement_timeout = '1 min'`);
    await expect(client.query(LONG)).resolves.toMatchObject({ rowCount: 1 });
    await expect(client.query(newCursor(LONG)).read(2)).resolves.toHaveLength(1);
    await client.query('COMMIT');
  });

  it('leaves the limit of the next one as it was', async () => {
    await client.query('BEGIN');
    await client.query(`SET LOCAL statement_timeout = '1 min'`);
    await client.query('COMMIT');
    await expect(client.query(LONG)).rejects.toMatchObject({ code: '57014' });
  });

  it('is waited for in a session, too', async () => {
    await withoutMargin();
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await session.query(`SET statement_timeout = '1 min'`);
      expect(await session.query(LONG)).toMatchObject({ rowCount: 1 });
    });
  });

  it('cannot lift the limit altogether, and is told what it can do', async () => {
    await client.query('BEGIN');
    await expect(client.query('SET LOCAL statement_timeout = 0')).rejects.toMatchObject({
      code: 'SESSION_STATEMENT_REFUSED',
      message: expect.stringContaining(`'10min'`),
    });
    await client.query('ROLLBACK');
  });
});

describe('a transaction with limits of its own', () => {
  const SHOW = 'SHOW statement_timeout';
  let dataSource: DataSource;

  beforeEach(async () => {
    const template = await TemplateDataSource.build({ entities: [], migrations: [] });
    dataSource = createTenantDataSource(template, accessTo(pool, tenant.stamp), 'shared');
  });

  it('has them for its statements and streams only', async () => {
    const within = await runLimitedTransaction(dataSource, (manager) => manager.query(SHOW), {
      statementTimeoutSeconds: 90,
    });
    expect(within).toEqual([{ statement_timeout: '90s' }]);
    expect(await dataSource.transaction((manager) => manager.query(SHOW))).toEqual([
      { statement_timeout: `${LIMIT_MS}ms` },
    ]);
  });

  it('may last for as long as it wants', async () => {
    const limits = await runLimitedTransaction(
      dataSource,
      async (manager) => {
        await manager.query('SELECT 1');
        return pool.openLeases().map(({ limit }) => limit);
      },
      { isUnlimited: true },
    );
    expect(limits).toEqual(['none']);
  });

  it.each([0, -1, Number.NaN, 86_401, '10' as unknown as number])(
    'is refused a statement timeout of %p seconds',
    async (seconds) => {
      const transaction = runLimitedTransaction(dataSource, async () => 'never', { statementTimeoutSeconds: seconds });
      await expect(transaction).rejects.toMatchObject({ code: 'INVALID_STATEMENT_TIMEOUT' });
    },
  );
});
