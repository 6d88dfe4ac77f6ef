import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import type { TestPool } from '../../../support/pool/test-pool.js';
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
    `SET TIME ZONE 'Asia/Tokyo'`,
  ])('cannot leave a reported setting on a connection: it is closed after %s', async (text) => {
    const changed = await onTheConnection(text);
    expect(await backend()).not.toBe(changed);
  });

  it('close no connection when a setting is restored, or changed for a transaction only', async () => {
    const before = await backend();
    await onTheConnection(`SET DateStyle = 'German'`, `RESET DateStyle`);
    await onTheConnection('BEGIN', `SET LOCAL DateStyle = 'German'`, 'SET LOCAL search_path = shared', 'COMMIT');
    expect(await backend()).toBe(before);
  });

  it('change nothing by the search_path of a connection, which every stamp sets, so that it stays open', async () => {
    const pid = await onTheConnection('SET search_path = pg_temp');
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
