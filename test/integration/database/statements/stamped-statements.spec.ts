import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QueryConfig } from 'pg';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { runStamped } from '../../../../src/database/statements/stamped-query.js';
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
import { WireTap } from '../../../support/statements/wire-tap.js';
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';

const IDENTITY = `SELECT current_setting('app.tenant_id') AS tenant, current_schema() AS schema`;

let database: TenantDatabase;

beforeAll(async () => {
  database = await createNotesDatabase('shared', 'other');
});

afterAll(() => database.drop());

describe.each(POOL_KINDS)('a statement and its stamp (%s)', (kind) => {
  const tenant = tenantIn('shared');
  let tap: WireTap;
  let pool: TestPool;

  beforeEach(async () => {
    tap = await WireTap.before(database.target);
    pool = openPool(kind, tap.through(database.target), { size: 1 });
    (await pool.acquire()).release(); // the role is checked
    tap.take();
  });

  afterEach(async () => {
    await pool.end();
    await tap.close();
  });

  /** Without what a direct connection says when it comes (p: password) and goes (X). */
  const taken = (): string => tap.take().replaceAll(/[pX]/g, '');

  it('are sent in one pipelined query with one Sync', async () => {
    const { rows } = await clientOf(pool, tenant).query(IDENTITY);
    expect(rows).toEqual([{ tenant: tenant.id, schema: 'shared' }]);
    expect(taken()).toBe('PBEPBDES');
  });

  it('takes parameters, rowMode and types like any statement of node-postgres', async () => {
    const config = {
      text: 'SELECT $1::int AS a, $2::text AS b',
      values: [7, 'x'],
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => `<${value}>` },
    };
    const client = clientOf(pool, tenant);
    const alone = await client.query(config as QueryConfig);
    await client.query('BEGIN');
    const leased = await client.query(config as QueryConfig);
    await client.query('COMMIT');
    client.release();
    expect(alone.rows).toEqual([['<7>', '<x>']]);
    expect(leased.rows).toEqual([['<7>', '<x>']]);
  });

  it('copies the values and leaves no statement under the name that the caller gave', async () => {
    const values = ['before'];
    const client = clientOf(pool, tenant);
    const answer = client.query({ name: 'greeting', text: 'SELECT $1::text AS said', values });
    values[0] = 'after';
    expect((await answer).rows).toEqual([{ said: 'before' }]);
    await client.query('BEGIN');
    await client.query({ name: 'greeting', text: 'SELECT $1::text AS said', values });
    await client.query('COMMIT');
    const connection = await pool.acquire();
    const prepared = await connection.client.query(`SELECT FROM pg_prepared_statements WHERE name !~ '^tenantry_'`);
    connection.release();
    expect(prepared.rows).toEqual([]);
  });

  it.each([
    ['', null],
    [' ; -- nothing', null],
    ['SELECT 1 WHERE false', 'SELECT'],
    [`UPDATE notes SET body = 'x' WHERE false`, 'UPDATE'],
  ])('answers %j, which returns no rows', async (text, command) => {
    expect(await clientOf(pool, tenant).query(text)).toMatchObject({ command, rows: [] });
    expect((await clientOf(pool, tenant).query(IDENTITY)).rows).toEqual([{ tenant: tenant.id, schema: 'shared' }]);
  });

  it('is not disturbed by notices between them', async () => {
    const client = clientOf(pool, tenant);
    await expect(client.query('SET CONSTRAINTS ALL DEFERRED')).resolves.toMatchObject({ command: 'SET' }); // a warning
    await expect(client.query('COMMIT')).resolves.toMatchObject({ command: 'COMMIT', rows: [] });
  });

  it('does not run when the stamp fails', async () => {
    const badly = new StampedClient(accessTo(pool, { ...tenant.stamp, searchPath: '"unclosed' }));
    await expect(
      badly.query(`INSERT INTO shared.notes (tenant_id, body) VALUES ('${tenant.id}', 'never')`),
    ).rejects.toThrow(/search_path/);
    await badly.query('BEGIN');
    await expect(badly.query('SELECT 1')).rejects.toThrow(/search_path/);
    await expect(badly.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await badly.query('ROLLBACK');
    expect(await database.admin(`SELECT FROM shared.notes WHERE body = 'never'`)).toEqual([]);
    expect((await clientOf(pool, tenant).query(IDENTITY)).rows).toHaveLength(1);
  });

  it('reads and writes nothing in another schema or for another tenant', async () => {
    const other = tenantIn('other');
    await clientOf(pool, other).query(`INSERT INTO notes (body) VALUES ('theirs')`);
    const client = clientOf(pool, tenant);
    const strayed = new StampedClient(accessTo(pool, createStamp(tenant.id, 'other')));
    expect((await client.query('SELECT * FROM other.notes')).rows).toEqual([]);
    expect((await strayed.query('SELECT * FROM notes')).rows).toEqual([]);
    expect(await strayed.query(`UPDATE notes SET body = 'mine'`)).toMatchObject({ rowCount: 0 });
    expect(await strayed.query('DELETE FROM notes')).toMatchObject({ rowCount: 0 });
    await expect(
      strayed.query('INSERT INTO notes (tenant_id, body) VALUES ($1, $2)', [other.id, 'forged']),
    ).rejects.toMatchObject({ code: '42501' });
    const rows = await database.admin('SELECT tenant_id, body FROM other.notes');
    expect(rows).toEqual([{ tenant_id: other.id, body: 'theirs' }]);
    await database.admin('DELETE FROM other.notes');
  });

  it.each([
    ['SELECT 1; SELECT 2', undefined],
    [`INSERT INTO notes (body) VALUES ($1); SET app.tenant_id = 'x'`, ['twice']],
    [`SELECT 1; SET app.tenant_id = 'x'`, []],
  ])('refuses two commands in one text: %s', async (text, values) => {
    const client = clientOf(pool, tenant);
    await expect(client.query(text, values)).rejects.toMatchObject({ code: '42601' });
    await client.query('BEGIN');
    await expect(client.query(text, values)).rejects.toMatchObject({ code: '42601' });
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await expect(client.query('COMMIT; SELECT 1')).rejects.toMatchObject({ code: 'MULTIPLE_COMMANDS' });
    await expect(client.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 }); // the transaction is still open
    await client.query('COMMIT');
    client.release();
    expect((await clientOf(pool, tenant).query(IDENTITY)).rows).toEqual([{ tenant: tenant.id, schema: 'shared' }]);
  });
});

it('a stamped statement leaves its pooled connection unchanged', async () => {
  const pool = openPool('pooled', database.target);
  const tenant = tenantIn('shared');
  await Promise.all(Array.from({ length: 9 }, () => clientOf(pool, tenant).query(IDENTITY)));
  await expect(clientOf(pool, tenant).query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
  expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  await pool.end();
});

it('a connection that stops answering is closed, so that no late answer reaches the next statement', async () => {
  const tap = await WireTap.before(database.target);
  const pool = openPool('pooled', tap.through(database.target), { size: 1, statementTimeoutMs: 200 });
  const tenant = tenantIn('shared');
  await clientOf(pool, tenant).query('SELECT 1');
  tap.freeze();
  await expect(clientOf(pool, tenant).query(`SELECT 'late' AS answer`)).rejects.toThrow('Query read timeout');
  tap.thaw();
  expect(pool.counts()).toMatchObject({ busy: 0, idle: 0, waiting: 0 });
  expect((await clientOf(pool, tenant).query(`SELECT 'fresh' AS answer`)).rows).toEqual([{ answer: 'fresh' }]);
  await pool.end();
  await tap.close();
});

it('a failed statement releases its connection when the server is ready again, not when the error arrives', async () => {
  const tap = await WireTap.before(database.target);
  const pool = openPool('pooled', tap.through(database.target), { size: 1 });
  const client = clientOf(pool, tenantIn('shared'));
  await client.query('SELECT 1');
  tap.freezeBeforeReady();
  const failing = client.query('SELECT 1/0');
  const next = clientOf(pool, tenantIn('shared')).query('SELECT 2 AS n');
  await tap.somethingHeldBack();
  expect(pool.counts()).toMatchObject({ busy: 1, waiting: 1 });
  tap.thaw();
  await expect(failing).rejects.toMatchObject({ code: '22012' });
  expect((await next).rows).toEqual([{ n: 2 }]);
  await pool.end();
  await tap.close();
});

it('a connection that a pipelined query left in a transaction is closed', async () => {
  const pool = openPool('pooled', database.target, { size: 1 });
  await runStamped(accessTo(pool, tenantIn('shared').stamp), { text: 'BEGIN' });
  expect(pool.counts()).toMatchObject({ idle: 0, busy: 0 });
  await pool.end();
});
