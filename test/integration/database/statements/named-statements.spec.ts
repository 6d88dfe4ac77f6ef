import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { runStamped } from '../../../../src/database/statements/stamped-query.js';
import { statementRecords } from '../../../../src/database/statements/statement-records.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';
import {
  clientOf,
  createNotesDatabase,
  openPool,
  type TestTenant,
  tenantIn,
} from '../../../support/statements/notes-database.js';

let database: TenantDatabase;
let pool: TestPool;
let texts = 0;

beforeAll(async () => {
  database = await createNotesDatabase('shared', 'other');
});

afterAll(() => database.drop());

beforeEach(() => {
  pool = openPool('pooled', database.target, { size: 1 });
});

afterEach(() => pool.end());

const [one, two] = [tenantIn('shared'), tenantIn('shared')];
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
/** One that no other test has sent. */
const newText = (text: string): string => `${text} /* named ${(texts += 1)} */`;

const ask = (tenant: TestTenant, text: string, values: unknown[] = []): Promise<pg.QueryResult> =>
  clientOf(pool, tenant).query(text, values);

async function askOften(text: string, values?: unknown[], tenants = [one, two]): Promise<void> {
  for (const n of numbers(8)) await ask(tenants[n % tenants.length] as TestTenant, text, values);
}

/** Texts that the pool's connection knows by name, besides the stamp's. */
async function known(): Promise<string[]> {
  const connection = await pool.acquire();
  const { rows } = await connection.client.query<{ statement: string }>(
    `SELECT statement FROM pg_prepared_statements WHERE name <> 'tenantry_stamp' ORDER BY prepare_time`,
  );
  connection.release();
  return rows.map(({ statement }) => statement);
}

async function onTheConnection(text: string): Promise<void> {
  const connection = await pool.acquire();
  await connection.client.query(text);
  connection.release();
}

describe('a statement is named on a connection', () => {
  it('when two tenants send it often, and returns the same with and without a name', async () => {
    const text = newText('SELECT $1::int AS n, $2::text AS t');
    for (const n of numbers(8)) expect((await ask(n % 2 ? one : two, text, [n, 'x'])).rows).toEqual([{ n, t: 'x' }]);
    expect(await known()).toEqual([text]);
  });

  it("but not while only one of several tenants on the target sends it: its text may contain that tenant's data", async () => {
    await askOften(newText(`SELECT 'secret of one'`), [], [one]);
    expect(await known()).toEqual([]);
  });

  it('when one tenant sends it often and is alone on the target', async () => {
    await pool.end();
    pool = openPool('pooled', { ...database.target, shared: false }, { size: 1 });
    const text = newText('SELECT 1');
    await askOften(text, [], [one]);
    expect(await known()).toEqual([text]);
  });

  it('but not on connections that are used once', async () => {
    await pool.end();
    pool = openPool('direct', database.target, { size: 1 });
    const text = newText(`SELECT count(*)::int AS n FROM pg_prepared_statements`);
    statementRecords.add(text);
    for (const n of numbers(8)) {
      const { rows } = await runStamped(accessTo(pool, (n % 2 ? one : two).stamp), { text });
      expect(rows).toEqual([{ n: 0 }]);
    }
  });

  it('once per schema, each with its own tables, even when each schema has one tenant', async () => {
    const text = newText('SELECT body, current_schema() AS schema FROM notes');
    const other = tenantIn('other');
    for (const n of numbers(12)) {
      const tenant = n % 2 ? other : one;
      await ask(tenant, newText('INSERT INTO notes (body) VALUES ($1)'), [`${tenant.schema} ${n}`]);
      for (const row of (await ask(tenant, text)).rows) {
        expect(row.schema).toBe(tenant.schema);
        expect(row.body).toContain(tenant.schema);
      }
    }
    expect(await known()).toEqual([text, text]);
    await database.admin('DELETE FROM shared.notes; DELETE FROM other.notes');
  });

  it('until many others have been used since', async () => {
    const all = numbers(210).map(() => newText('SELECT 1'));
    for (const text of all) await askOften(text);
    const names = await known();
    expect(names.length).toBeGreaterThan(190);
    expect(names.length).toBeLessThanOrEqual(202);
    expect(names).not.toContain(all[0]);
    await askOften(all[0] as string);
    expect(await known()).toContain(all[0]);
  });

  it('until many others have been used since, also where many are sent together', async () => {
    const all = numbers(260).map(() => newText('SELECT 1'));
    for (const n of numbers(8)) {
      const client = clientOf(pool, n % 2 ? one : two);
      await client.query('BEGIN');
      await Promise.all(all.flatMap((text) => [client.query(text), client.query(text)]));
      await client.query('COMMIT');
    }
    await ask(one, 'SELECT 1');
    expect((await known()).length).toBeLessThanOrEqual(202);
  });

  it("and its rows are parsed as without a name, with the call's rowMode and types", async () => {
    const text = newText('SELECT $1::int AS a');
    await askOften(text, [7]);
    const types = { getTypeParser: () => (value: string) => `<${value}>` };
    const config = { text, values: [7], rowMode: 'array', types } as pg.QueryConfig;
    expect((await clientOf(pool, one).query(config)).rows).toEqual([['<7>']]);
    expect((await ask(two, text, [7])).rows).toEqual([{ a: 7 }]);
  });
});

describe('named statements survive', () => {
  it('a column added under load: rows have it from then on', async () => {
    await pool.end();
    pool = openPool('pooled', database.target, { size: 3 });
    const text = newText('SELECT * FROM notes LIMIT $1');
    await ask(one, `INSERT INTO notes (body) VALUES ('wide')`);
    await askOften(text, [1]);
    const table = { isChanged: false };
    const columns = new Set<string>();
    const load = async (index: number): Promise<void> => {
      do columns.add(Object.keys((await ask(index % 2 ? two : one, text, [1])).rows[0] ?? {}).join());
      while (!table.isChanged);
      const row = (await ask(one, text, [1])).rows[0] as object;
      expect(Object.keys(row)).toContain('extra_3');
    };
    const change = async (): Promise<void> => {
      for (const n of numbers(4))
        await database.admin(`ALTER TABLE shared.notes ADD COLUMN extra_${n} int DEFAULT ${n}`);
      table.isChanged = true;
    };
    await Promise.all([...numbers(30).map(load), change()]);
    expect(columns.size).toBeGreaterThan(1);
    for (const n of numbers(4)) await database.admin(`ALTER TABLE shared.notes DROP COLUMN extra_${n}`);
    await database.admin('DELETE FROM shared.notes');
  });

  it('a changed result of INSERT … RETURNING: it runs once', async () => {
    const text = newText('INSERT INTO notes (body) VALUES ($1) RETURNING *');
    for (const n of numbers(8)) await ask(n % 2 ? one : two, text, [`before ${n}`]);
    expect(await known()).toEqual([text]);
    await database.admin('ALTER TABLE shared.notes ADD COLUMN late int DEFAULT 7');
    expect((await ask(one, text, ['after'])).rows).toMatchObject([{ body: 'after', late: 7 }]);
    expect(await database.admin(`SELECT FROM shared.notes WHERE body = 'after'`)).toHaveLength(1);
    for (const n of numbers(8)) expect((await ask(two, text, [`later ${n}`])).rows).toMatchObject([{ late: 7 }]);
    expect(await known()).toEqual([text]);
    await database.admin('ALTER TABLE shared.notes DROP COLUMN late; DELETE FROM shared.notes');
  });

  it.each(['DEALLOCATE ALL', 'DISCARD ALL'])('names dropped on the server by %s', async (forget) => {
    const text = newText('SELECT $1::int AS n');
    await askOften(text, [0]);
    await onTheConnection(forget);
    expect(await known()).toEqual([]);
    for (const n of numbers(8)) expect((await ask(n % 2 ? one : two, text, [n])).rows).toEqual([{ n }]);
    expect(await known()).toEqual([text]);
  });

  it('a session on the connection, which neither meets nor leaves names', async () => {
    const text = newText('SELECT $1::int AS n');
    await askOften(text, [0]);
    await SessionLease.run(accessTo(pool, one.stamp), async (session) => {
      await session.query('CREATE TEMP TABLE scratch AS SELECT 5 AS n');
      expect((await session.query('SELECT n FROM scratch')).rows).toEqual([{ n: 5 }]);
    });
    expect(await known()).toEqual([]);
    for (const n of numbers(4)) expect((await ask(n % 2 ? one : two, text, [n])).rows).toEqual([{ n }]);
  });

  it('an earlier attempt to prepare the name that failed halfway', async () => {
    const text = newText('INSERT INTO notes (body) VALUES ($1)');
    await askOften(text, ['']).catch(() => undefined); // the second one violates the unique key
    for (const n of numbers(3)) await ask(n % 2 ? one : two, text, [`a ${n}`]);
    const failing = ask(one, text, [`a 0`]).catch((error: unknown) => error);
    await failing;
    for (const n of numbers(6)) await ask(n % 2 ? one : two, text, [`b ${n}`]);
    expect(await known()).toEqual([text]);
    await database.admin('DELETE FROM shared.notes');
  });
});
