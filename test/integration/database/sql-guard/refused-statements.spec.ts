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
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const tenant = tenantIn('shared');
let database: TenantDatabase;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  await database.admin(`GRANT TEMPORARY ON DATABASE ${database.name} TO ${database.role}`);
});

afterAll(() => database.drop());

/** What a session may do and a shared connection may not. Later ones may need earlier ones. */
const SESSION_STATEMENTS = [
  'SET statement_timeout = 9000',
  `SET TIME ZONE 'Asia/Tokyo'`,
  `SET shop.user_id = '42'`,
  'SET default_transaction_read_only = on',
  'RESET default_transaction_read_only',
  'CREATE TEMP TABLE scratch (id int)',
  'CREATE TEMPORARY TABLE scratched AS SELECT 1 AS id',
  'DROP TABLE scratched',
  'RESET lock_timeout',
];

describe.each(POOL_KINDS)('session-level statements (%s)', (kind) => {
  let pool: TestPool;

  beforeAll(() => {
    pool = openPool(kind, database.target);
  });

  afterAll(() => pool.end());

  it.each(SESSION_STATEMENTS)('%s is refused outside a session, including in transactions', async (text) => {
    const rejection = { code: 'SESSION_STATEMENT_REFUSED' };
    const client = clientOf(pool, tenant);
    await expect(client.query(text)).rejects.toMatchObject(rejection);
    await client.query('BEGIN');
    await expect(client.query(text)).rejects.toMatchObject(rejection);
    await expect(client.query('COMMIT')).resolves.toMatchObject({ command: 'COMMIT' });
  });

  it('work inside a session, and leave nothing behind', async () => {
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      for (const text of SESSION_STATEMENTS) await session.query(text);
      const { rows } = await session.query(
        `SELECT current_setting('TimeZone') AS zone, current_setting('shop.user_id') AS id`,
      );
      expect(rows).toEqual([{ zone: 'Asia/Tokyo', id: '42' }]);
      await session.lock('stock');
      await session.listen('orders');
      await session.query('BEGIN');
      await session.query('INSERT INTO scratch VALUES (1)');
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
    `SET app.tenant_id = '00000000-0000-0000-0000-000000000000'`,
    'SET search_path = pg_catalog',
    'SET ROLE pg_monitor',
    'RESET ALL',
    `SELECT set_config('app.tenant_id', 'x', false)`,
    'SET standard_conforming_strings = off',
    'LISTEN somebody',
    'SELECT pg_advisory_lock(4711)',
    'PREPARE one AS SELECT 1',
    'DECLARE held CURSOR WITH HOLD FOR SELECT 1',
    `DO $$ BEGIN PERFORM set_config('app.tenant_id', 'y', false); END $$`,
    'ALTER ROLE CURRENT_USER SET app.tenant_id = 1',
    `PREPARE TRANSACTION 'left'`,
    'COPY notes FROM STDIN',
    'LOCK TABLE notes',
    'SELECT pg_terminate_backend(0)',
    'SELECT U&"pg_terminate\\005fbackend"(0)',
  ])('%s is refused even in a session', async (text) => {
    const code = expect.stringMatching(/^(?:SESSION_STATEMENT_REFUSED|STAMP_PROTECTED)$/);
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await expect(session.query(text)).rejects.toMatchObject({ code });
      await expect(session.query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
    });
  });

  it.each([
    'SELECT 1; ALTER ROLE CURRENT_USER NOINHERIT',
    `INSERT INTO notes (body) VALUES ('twice'); SET app.tenant_id = 'x'`,
    'CREATE TEMP TABLE t (id int); LISTEN somebody',
  ])('runs no second command of a text in a session: %s', async (text) => {
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await expect(session.query(text)).rejects.toMatchObject({ code: '42601' });
      expect((await session.query('SELECT body FROM notes')).rows).toEqual([]);
    });
  });

  it('receives notifications only until its work is done', async () => {
    let kept: SessionLease | undefined;
    const heard = await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      kept = session;
      await session.listen('somebody');
      const notification = new Promise((resolve) => session.once('notification', resolve));
      await SessionLease.run(accessTo(pool, tenant.stamp), (sender) => sender.notify('somebody', 'hello'));
      return notification;
    });
    expect(heard).toMatchObject({ channel: 'somebody', payload: 'hello' });
    expect(kept?.listenerCount('notification')).toBe(0);
    await expect(kept?.query('SELECT 1')).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await expect(kept?.lock('stock')).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it.each(['orders', 'a'.repeat(100)])(
    "receives no other tenant's notifications on the channel %s",
    async (channel) => {
      const other = tenantIn('shared');
      const heard = await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
        const payloads: unknown[] = [];
        await session.listen(channel);
        session.on('notification', (message) => payloads.push([message.channel, message.payload]));
        await SessionLease.run(accessTo(pool, other.stamp), async (sender) => {
          await sender.listen(channel);
          await sender.notify(channel, 'theirs');
          await sender.notify(channel);
        });
        await session.notify(channel, 'mine');
        await session.unlisten(channel);
        await session.notify(channel, 'late');
        return payloads;
      });
      expect(heard).toEqual([[channel, 'mine']]);
    },
  );

  it("waits for the tenant's locks only", async () => {
    const run = <T>(of: typeof tenant, work: (session: SessionLease) => Promise<T>): Promise<T> =>
      SessionLease.run(accessTo(pool, of.stamp), work);
    await run(tenant, async (holder) => {
      await holder.lock('stock');
      expect(await run(tenant, (session) => session.tryLock('stock'))).toBe(false);
      expect(await run(tenant, (session) => session.tryLock('other'))).toBe(true);
      expect(await run(tenantIn('shared'), (session) => session.tryLock('stock'))).toBe(true);
      const waiting = run(tenant, (session) => session.lock('stock'));
      expect(await holder.unlock('stock')).toBe(true);
      await waiting;
      expect(await holder.unlock('stock')).toBe(false);
    });
    expect(await run(tenant, (session) => session.tryLock('stock'))).toBe(true);
  });

  it('are notified when their connection dies while they wait', async () => {
    const lost = SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const told = new Promise((resolve) => session.once('lost', resolve));
      await database.admin('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
      const reason = await told;
      for (let n = 0; n < 2; n += 1) await expect(session.query('SELECT 1')).rejects.toBe(reason);
      return reason;
    });
    await expect(lost).resolves.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    await expect(clientOf(pool, tenant).query('SELECT 1')).resolves.toMatchObject({ rowCount: 1 });
  });

  it('reject a statement whose connection breaks under it with the code of a lost connection', async () => {
    const tap = await WireTap.before(database.target);
    const tapped = new TestPool(tap.through(database.target));
    const broken = SessionLease.run(accessTo(tapped, tenant.stamp), async (session) => {
      await session.query('SELECT 1');
      const running = session.query('SELECT pg_sleep(60)');
      setImmediate(() => tap.cut());
      return running;
    });
    await expect(broken).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    await tapped.end();
    await tap.close();
  });

  it("keeps the work's result or error when the session was lost", async () => {
    const failing = SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      await session.query('BEGIN');
      await session.query('SELECT 1/0');
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    const careless = SessionLease.run(accessTo(pool, tenant.stamp), (session) => {
      void session.query('BEGIN');
      void session.query(`SET shop.left = 'behind'`);
      return Promise.resolve('done');
    });
    await expect(careless).resolves.toBe('done');
    if (kind === 'pooled') expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  });
});
