import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Lease } from '../../../../src/database/transactions/lease.js';
import type { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import type { TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import {
  clientOf,
  createNotesDatabase,
  leftovers,
  NOTHING_LEFT,
  openPool,
  type TestTenant,
  tenantIn,
} from '../../../support/statements/notes-database.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const [tenant, other] = [tenantIn('shared'), tenantIn('shared')];
const INSERT = 'INSERT INTO notes (body) VALUES ($1)';
const ABORTED = { code: '25P02', message: /current transaction is aborted/ };

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
  pool = openPool('pooled', tap.through(database.target));
  (await pool.acquire()).release();
  tap.take();
  client = clientOf(pool, tenant);
});

afterEach(async () => {
  client.release();
  expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  await pool.end();
  await tap.close();
  await database.admin('DELETE FROM shared.notes');
});

const bodies = async (): Promise<unknown[]> =>
  (await database.admin('SELECT body FROM shared.notes ORDER BY body')).map(({ body }) => body as unknown);

const insert = (body: string): Promise<{ rowCount: number | null }> => client.query(INSERT, [body]);

/** What became of each: a number of rows, or the code of the error. */
async function outcomes(calls: readonly Promise<{ rowCount: number | null }>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((each) =>
    each.status === 'fulfilled' ? each.value.rowCount : (each.reason as { code?: unknown }).code,
  );
}

describe('statements called for side by side at the beginning of a transaction', () => {
  it('go out together with BEGIN and the stamp, up to one Sync', async () => {
    await client.query('BEGIN');
    expect(await outcomes([insert('a'), insert('b'), insert('c')])).toEqual([1, 1, 1]);
    expect(tap.take().replaceAll(/[QpX]/g, '')).toBe('PBEPBEPBDEPBDEPBDES');
    await client.query('COMMIT');
    expect(await bodies()).toEqual(['a', 'b', 'c']);
  });

  it('fail behind the first one that fails, as if they had been sent one by one', async () => {
    await client.query('BEGIN');
    const calls = [insert('a'), client.query('SELECT 1/0'), insert('b'), insert('c')];
    expect(await outcomes(calls)).toEqual([1, '22012', '25P02', '25P02']);
    await expect(calls[2]).rejects.toMatchObject(ABORTED);
    await expect(insert('d')).rejects.toMatchObject(ABORTED);
    await expect(client.query('COMMIT')).rejects.toMatchObject({
      code: 'TRANSACTION_ABORTED',
      cause: { code: '22012' },
    });
    expect(await bodies()).toEqual([]);
  });

  it('run nowhere when BEGIN fails', async () => {
    const lease = new Lease(await pool.acquire(), tenant.stamp, 'BEGIN ISOLATION LEVEL NONSENSE');
    const calls = ['a', 'b'].map((body) => lease.query({ text: INSERT, values: [body] }, true));
    expect(await outcomes(calls)).toEqual(['42601', '25P02']);
    await expect(lease.query({ text: INSERT, values: ['c'] }, true)).rejects.toMatchObject({
      code: 'TRANSACTION_LOST',
    });
    await lease.rollback();
    expect(await bodies()).toEqual([]);
  });

  it('are not overtaken by those behind a cursor', async () => {
    await client.query('BEGIN');
    const first = insert('a');
    const cursor = client.query(newCursor('SELECT body FROM notes ORDER BY body'));
    const last = insert('b');
    expect(await cursor.read(10)).toEqual([{ body: 'a' }]);
    await cursor.close();
    expect(await outcomes([first, last])).toEqual([1, 1]);
    await client.query('COMMIT');
  });

  it('do not take a command along, which may depend on their results', async () => {
    await client.query('BEGIN');
    const calls = [insert('a'), client.query('SAVEPOINT s'), client.query('SELECT 1/0')];
    const undone = client.query('ROLLBACK TO SAVEPOINT s');
    expect(await outcomes([...calls, undone, insert('b')])).toEqual([1, null, '22012', null, 1]);
    await client.query('COMMIT');
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it('fail one by one over values that cannot be sent', async () => {
    await client.query('BEGIN');
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const calls = [insert('a'), client.query('SELECT $1::jsonb', [circular])];
    const [, second] = await Promise.allSettled(calls);
    expect(second).toMatchObject({ status: 'rejected', reason: { message: /circular/ } });
    await client.query('ROLLBACK');
    expect(await bodies()).toEqual([]);
  });
});

describe('statements called for side by side in an open transaction', () => {
  beforeEach(async () => {
    await client.query('BEGIN');
    await client.query('SELECT 1');
    tap.take();
  });

  it('are sent without waiting for one another', async () => {
    tap.freeze();
    const calls = [insert('a'), insert('b'), insert('c')];
    await tap.somethingHeldBack();
    expect(tap.take()).toBe('PBDESPBDESPBDES');
    tap.thaw();
    expect(await outcomes(calls)).toEqual([1, 1, 1]);
    await client.query('COMMIT');
    expect(await bodies()).toEqual(['a', 'b', 'c']);
  });

  it('fail behind the first one that fails', async () => {
    expect(await outcomes([insert('a'), client.query('SELECT 1/0'), insert('b')])).toEqual([1, '22012', '25P02']);
    await client.query('ROLLBACK');
    expect(await bodies()).toEqual([]);
  });

  it('recover at a savepoint that follows them', async () => {
    const savepoint = client.query('SAVEPOINT s');
    const calls = [savepoint, client.query('SELECT 1/0'), client.query('ROLLBACK TO SAVEPOINT s'), insert('b')];
    expect(await outcomes(calls)).toEqual([null, '22012', null, 1]);
    await client.query('COMMIT');
    expect(await bodies()).toEqual(['b']);
  });

  it('are not given up behind a slow one, though their connection was shared by reads just before', async () => {
    await client.query('ROLLBACK');
    const read = (sender: TestTenant): Promise<unknown> =>
      clientOf(pool, sender).query('SELECT body AS shared FROM notes');
    for (let n = 0; n < 4; n += 1) for (const each of [tenant, other]) await read(each);
    await Promise.all([tenant, other, tenant, other].map(read));
    await client.query('BEGIN');
    await client.query('SELECT 1');
    expect(await outcomes([client.query('SELECT pg_sleep(0.4)'), insert('a'), insert('b')])).toEqual([1, 1, 1]);
    await client.query('COMMIT');
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it('have their errors in the order of the calls, not when all have ended', async () => {
    await client.query('SAVEPOINT s');
    const texts = ['SELECT 1/0', 'ROLLBACK TO SAVEPOINT s', 'SELECT pg_sleep(0.2)'];
    const ended: string[] = [];
    const calls = texts.map((text) => client.query(text).finally(() => ended.push(text)));
    expect(await outcomes(calls)).toEqual(['22012', null, 1]);
    expect(ended).toEqual(texts);
    await client.query('COMMIT');
  });

  it('reject a common promise with the error of the first one that failed', async () => {
    const calls = [insert('a'), client.query('SELECT 1/0'), insert('b'), insert('c')];
    await expect(Promise.all(calls)).rejects.toMatchObject({ code: '22012' });
    await client.query('ROLLBACK');
  });

  it('are all answered before COMMIT is sent', async () => {
    const calls = [insert('a'), client.query('SELECT pg_sleep(0.05)'), insert('b')];
    const committed = client.query('COMMIT');
    expect(await outcomes(calls)).toEqual([1, 1, 1]);
    await committed;
    expect(await bodies()).toEqual(['a', 'b']);
  });

  it('are all lost with the connection', async () => {
    tap.freeze();
    const calls = [insert('a'), insert('b')];
    await tap.somethingHeldBack();
    tap.cut();
    expect(await outcomes(calls)).toEqual(['TRANSACTION_LOST', 'TRANSACTION_LOST']);
    tap.thaw();
    await client.query('ROLLBACK');
    expect(await bodies()).toEqual([]);
  });
});

describe('a frequent statement in transactions', () => {
  let texts = 0;
  const newText = (): string => `INSERT INTO notes (body) VALUES ($1) RETURNING body AS "b${(texts += 1)}"`;

  async function transactionOf(text: string, body: string, sender = client): Promise<void> {
    await sender.query('BEGIN');
    await sender.query(text, [body]);
    await sender.query(text, [`${body}+`]);
    await sender.query('COMMIT');
  }

  /** By turns, from both tenants. */
  async function sendOften(text: string): Promise<void> {
    const second = clientOf(pool, other);
    for (let n = 0; n < 6; n += 1) await transactionOf(text, `${texts}-${n}`, n % 2 ? client : second);
    tap.take();
    second.release();
  }

  /** In a function, whose command the server does not report: the connection stays in the pool. */
  async function loseNames(): Promise<void> {
    await database.admin(`CREATE OR REPLACE FUNCTION shared.lose_names() RETURNS void LANGUAGE plpgsql
      AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$`);
    await client.query('SELECT lose_names()');
  }

  it('is sent by name, without asking for its columns', async () => {
    const text = newText();
    await sendOften(text);
    await transactionOf(text, 'named');
    expect(tap.take()).toBe('PBEBEBESBESPBDES');
    expect(await bodies()).toEqual(expect.arrayContaining(['named', 'named+']));
  });

  it('begins again by text when the name is unknown to the server', async () => {
    const text = newText();
    await sendOften(text);
    await loseNames();
    await transactionOf(text, 'renamed');
    expect(await bodies()).toEqual(expect.arrayContaining(['renamed', 'renamed+']));
  });

  it('does not fail over a lost name that another statement has noticed', async () => {
    const first = newText();
    await sendOften(first);
    const second = newText();
    await sendOften(second);
    await loseNames();
    await client.query('BEGIN');
    try {
      await client.query(first, ['first']);
      expect(await outcomes([client.query(second, ['second'])])).toEqual([1]);
    } finally {
      await client.query('ROLLBACK');
    }
  });

  it('does not fail over the type of a column that another statement has found changed', async () => {
    const first = newText();
    await sendOften(first);
    const second = newText();
    await sendOften(second);
    await database.admin('ALTER TABLE shared.notes ALTER COLUMN body TYPE varchar(1000)');
    await client.query('BEGIN');
    try {
      await client.query(first, ['first']);
      expect(await outcomes([client.query(second, ['second'])])).toEqual([1]);
    } finally {
      await client.query('ROLLBACK');
      await database.admin('ALTER TABLE shared.notes ALTER COLUMN body TYPE text');
    }
  });

  it('is sent by text further on when a migration may add to its columns', async () => {
    const text = 'TABLE notes';
    for (let n = 0; n < 6; n += 1) {
      const sender = clientOf(pool, n % 2 ? tenant : other);
      await sender.query(text);
    }
    await client.query('BEGIN');
    await client.query('SELECT 1');
    await database.admin('ALTER TABLE shared.notes ADD COLUMN added int');
    try {
      expect(await outcomes([client.query(text)])).toEqual([0]);
    } finally {
      await client.query('ROLLBACK');
      await database.admin('ALTER TABLE shared.notes DROP COLUMN added');
    }
  });

  it('begins again by text when a migration has changed the columns', async () => {
    const text = newText();
    await sendOften(text);
    await database.admin('ALTER TABLE shared.notes ALTER COLUMN body TYPE varchar(1000)');
    try {
      await transactionOf(text, 'altered');
      expect(await bodies()).toEqual(expect.arrayContaining(['altered', 'altered+']));
    } finally {
      await database.admin('ALTER TABLE shared.notes ALTER COLUMN body TYPE text');
    }
  });

  it('is not sent by name further on when its columns may change with a migration', async () => {
    const text = `${newText()}, *`;
    await sendOften(text);
    await client.query('BEGIN');
    await client.query('SELECT 1');
    tap.take();
    await client.query(text, ['by text']);
    expect(tap.take()).toBe('PBDES');
    await client.query('COMMIT');
  });
});
