import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import type pg from 'pg';
import { sendOnClient } from '../../../../src/database/statements/client-flights.js';
import { runStamped } from '../../../../src/database/statements/stamped-query.js';
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';
import { clientOf, createNotesDatabase, openPool, tenantIn } from '../../../support/statements/notes-database.js';

const tenant = tenantIn('shared');
const other = tenantIn('shared');
let database: TenantDatabase;
let pool: TestPool;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  await database.admin(`GRANT TEMPORARY ON DATABASE ${database.name} TO ${database.role}`);
  pool = openPool('pooled', database.target, { size: 1 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function bodiesOf(tenantId: string): Promise<unknown[]> {
  const rows = await database.admin('SELECT body FROM shared.notes WHERE tenant_id = $1 ORDER BY id', [tenantId]);
  return rows.map(({ body }) => body);
}

/** Runs on the pool's one connection what the reading of statements would have refused. */
async function onTheConnection(...texts: string[]): Promise<number | undefined> {
  const connection = await pool.acquire();
  const { rows } = await connection.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  for (const text of texts) await connection.client.query(text);
  connection.release();
  return rows[0]?.pid;
}

/** Over the extended protocol, as the statements of callers are sent. @returns the backend's process id */
async function sendEach(client: pg.ClientBase, texts: readonly string[]): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  for (const text of texts) await sendOnClient(client, {}, { text });
  return rows[0]?.pid ?? 0;
}

async function backend(): Promise<number | undefined> {
  const { rows } = await clientOf(pool, tenant).query('SELECT pg_backend_pid() AS pid');
  return (rows as { pid: number }[])[0]?.pid;
}

describe('hostile statements', () => {
  it('cannot smuggle commands into a quoted name after BEGIN', async () => {
    await clientOf(pool, other).query(`INSERT INTO notes (body) VALUES ('untouched')`);
    const commands = `SET LOCAL app.tenant_id = '${other.id}'; UPDATE notes SET body = 'stolen'; COMMIT`;
    await expect(clientOf(pool, tenant).query(`BEGIN "; ${commands}; BEGIN"`)).rejects.toMatchObject({
      code: 'MULTIPLE_COMMANDS',
    });
    expect(await bodiesOf(other.id)).toEqual(['untouched']);
    await database.admin('DELETE FROM shared.notes');
  });

  it("cannot divert another tenant's writes into a temporary table", async () => {
    await onTheConnection('CREATE TEMP TABLE notes (tenant_id text, id bigserial, body text, parent bigint)');
    await clientOf(pool, other).query(`INSERT INTO notes (body) VALUES ('kept')`);
    expect(await bodiesOf(other.id)).toEqual(['kept']);
    await database.admin('DELETE FROM shared.notes');
  });

  it.each([
    `UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'`,
    `UPDATE pg_settings SET setting = 'LATIN1' WHERE name = 'client_encoding'`,
    `SELECT set_config('DateStyle', 'German', false)`,
  ])('cannot leave a reported setting on a connection: it is closed after %s', async (text) => {
    const changed = await onTheConnection(text);
    expect(await backend()).not.toBe(changed);
  });

  it.each([
    `SET work_mem = '1GB'`,
    'BEGIN; SET LOCAL row_security = off; COMMIT',
    'PREPARE planted AS SELECT 1',
    'DEALLOCATE ALL',
    `DO $$ BEGIN EXECUTE 'PREPARE planted AS SELECT 1'; END $$`,
    'LISTEN order_paid',
    'CREATE TEMP TABLE planted (id int)',
    'CREATE TEMP TABLE planted AS SELECT 1 AS id',
    'SELECT 1 AS id INTO TEMP planted',
    `BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT`,
    `EXPLAIN ANALYZE CREATE TEMP TABLE planted AS SELECT 1 AS id`,
  ])('cannot leave anything else on a connection: it is closed after %s', async (text) => {
    const connection = await pool.acquire();
    const pid = await sendEach(connection.client, text.startsWith('DO') ? [text] : text.split('; ')).finally(() =>
      connection.release(),
    );
    expect(await backend()).not.toBe(pid);
  });

  it.each([
    `SELECT set_config('row_security', 'off', false)`,
    `UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'`,
    'SELECT pg_advisory_lock(42)',
  ])('cannot leave what neither tag nor report shows: the connection is closed after %s', async (text) => {
    const pid = await backend();
    await runStamped(accessTo(pool, tenant.stamp), { text });
    expect(await backend()).not.toBe(pid);
  });

  it('closes no connection after a long statement that was read as one on rows', async () => {
    const pid = await backend();
    const text = `SELECT pg_backend_pid() AS pid /* ${'x'.repeat(11_000)} */`;
    expect((await clientOf(pool, tenant).query(text)).rows).toEqual([{ pid }]);
    const client = clientOf(pool, tenant);
    await client.query('BEGIN');
    expect((await client.query(text)).rows).toEqual([{ pid }]);
    await client.query('COMMIT');
    expect(await backend()).toBe(pid);
  });

  it('cannot leave a prepared statement behind by a command that fails', async () => {
    const text = `DO $$ BEGIN EXECUTE 'PREPARE planted AS SELECT 1'; RAISE EXCEPTION 'x'; END $$`;
    const pid = await backend();
    await expect(runStamped(accessTo(pool, tenant.stamp), { text })).rejects.toThrow('x');
    expect(await backend()).not.toBe(pid);
  });

  it('close no connection when a setting is restored, or changed for a transaction only', async () => {
    const before = await backend();
    const set = (value: string, isLocal: boolean): string => `SELECT set_config('DateStyle', '${value}', ${isLocal})`;
    await onTheConnection(set('German', false), set('ISO, MDY', false));
    await onTheConnection('BEGIN', set('German', true), 'SAVEPOINT a', 'ROLLBACK TO a', 'COMMIT');
    expect(await backend()).toBe(before);
  });

  it('change nothing by the search_path of a connection, which every stamp sets, so that it stays open', async () => {
    const pid = await onTheConnection(`SELECT set_config('search_path', 'pg_temp', false)`);
    expect(await backend()).toBe(pid);
    await expect(clientOf(pool, tenant).query('SELECT current_schema() AS schema')).resolves.toMatchObject({
      rows: [{ schema: 'shared' }],
    });
  });

  it('cannot leave a setting behind for callers that share the connection', async () => {
    const sharing = { allowsSharing: true };
    const [first, second] = [await pool.acquire(sharing), await pool.acquire(sharing)];
    expect(first.client).toBe(second.client);
    await first.client.query(`SET DateStyle = 'German'`);
    const { rows } = await second.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    first.release();
    second.release();
    expect(await backend()).not.toBe(rows[0]?.pid);
  });
});
