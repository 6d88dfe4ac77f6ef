import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
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
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';

const tenant = tenantIn('shared');
let database: TenantDatabase;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  await database.admin(`GRANT TEMPORARY ON DATABASE ${database.name} TO ${database.role}`);
  await database.admin(`CREATE ROLE ${database.role}_group; GRANT ${database.role}_group TO ${database.role}`);
});

afterAll(async () => {
  await database.admin(`DROP ROLE ${database.role}_group`);
  await database.drop();
});

/** What a session may do and a shared connection may not. Later ones may need earlier ones. */
const SESSION_STATEMENTS = [
  'SET search_path = pg_catalog',
  `SET app.tenant_id = '00000000-0000-0000-0000-000000000000'`,
  'SET statement_timeout = 9000',
  `SET TIME ZONE 'Asia/Tokyo'`,
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
  `SELECT set_config('app.tenant_id', 'x', false)`,
  'LISTEN somebody',
  'SELECT pg_advisory_lock(4711)',
  'SELECT pg_try_advisory_lock(4712)',
  'CREATE TEMP TABLE scratch (id int)',
  'SELECT 1 AS id INTO TEMP scratched',
  'PREPARE one AS SELECT 1',
  'EXECUTE one',
  'DECLARE held CURSOR WITH HOLD FOR SELECT generate_series(1, 3)',
  `DO $$ BEGIN PERFORM set_config('app.tenant_id', 'y', false); END $$`,
  'RESET statement_timeout',
];

describe.each(POOL_KINDS)('session-level statements (%s)', (kind) => {
  let pool: TestPool;

  beforeAll(() => {
    pool = openPool(kind, database.target);
  });

  afterAll(() => pool.end());

  it.each(SESSION_STATEMENTS)('%s is refused outside a session, including in transactions', async (text) => {
    const rejection = {
      code: 'SESSION_STATEMENT_REFUSED',
      message: expect.stringContaining('TenantConnectionService.session()'),
    };
    const client = clientOf(pool, tenant);
    await expect(client.query(text)).rejects.toMatchObject(rejection);
    await client.query('BEGIN');
    await expect(client.query(text)).rejects.toMatchObject(rejection);
    await expect(client.query('COMMIT')).resolves.toMatchObject({ command: 'COMMIT' });
  });

  it('work inside a session, and leave nothing behind', async () => {
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      for (const text of SESSION_STATEMENTS) await session.query(text);
      await session.query(`SET ROLE ${database.role}_group`);
      await session.query('BEGIN');
      await session.query(`DECLARE inner_one CURSOR FOR SELECT 1`);
    });
    if (kind === 'pooled') expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
    const { rows } = await clientOf(pool, tenant).query(`SELECT current_setting('app.tenant_id') AS tenant`);
    expect(rows).toEqual([{ tenant: tenant.id }]);
  });

  it('begin under the tenant: its rows only, and new rows are its own', async () => {
    const other = tenantIn('shared');
    await clientOf(pool, other).query(`INSERT INTO notes (body) VALUES ('theirs')`);
    const rows = await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await session.query(`INSERT INTO notes (body) VALUES ('mine')`);
      return (await session.query('SELECT tenant_id, body FROM notes')).rows;
    });
    expect(rows).toEqual([{ tenant_id: tenant.id, body: 'mine' }]);
    await database.admin('DELETE FROM shared.notes');
  });

  it.each([
    'ALTER ROLE CURRENT_USER SET app.tenant_id = 1',
    `SELECT 1; ALTER USER CURRENT_USER PASSWORD 'x'`,
    `PREPARE TRANSACTION 'left'`,
    'COPY notes FROM STDIN',
    'COPY notes TO STDOUT',
    'BEGIN; LOCK TABLE notes',
    'SELECT pg_terminate_backend(0)',
    'SELECT 1 FROM notes WHERE "pg_cancel_backend"(0)',
    'SELECT U&"pg_terminate\\005fbackend"(0)',
  ])('%s is refused even in a session: it cannot be undone', async (text) => {
    const code = 'SESSION_STATEMENT_REFUSED';
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await expect(session.query(text)).rejects.toMatchObject({ code });
      await expect(session.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    });
  });

  it('receives notifications only until its work is done', async () => {
    let kept: SessionLease | undefined;
    const heard = await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      kept = session;
      await session.query('LISTEN somebody');
      const notification = new Promise((resolve) => session.once('notification', resolve));
      await clientOf(pool, tenant).query(`NOTIFY somebody, 'hello'`);
      return notification;
    });
    expect(heard).toMatchObject({ channel: 'somebody', payload: 'hello' });
    expect(kept?.listenerCount('notification')).toBe(0);
    await expect(kept?.query('SELECT 1')).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('are notified when their connection dies while they wait', async () => {
    const lost = SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const told = new Promise((resolve) => session.once('lost', resolve));
      await database.admin('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      return told;
    });
    await expect(lost).resolves.toBeInstanceOf(Error);
    await expect(clientOf(pool, tenant).query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it("keeps the work's result or error when the session was lost", async () => {
    const failing = SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await session.query('BEGIN');
      await session.query('SELECT 1/0');
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    const careless = SessionLease.run(accessTo(pool, tenant.stamp), (session) => {
      void session.query('BEGIN');
      void session.query(`SET app.tenant_id = 'left'`);
      return Promise.resolve('done');
    });
    await expect(careless).resolves.toBe('done');
    if (kind === 'pooled') expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  });
});
