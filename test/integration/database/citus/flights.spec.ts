import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import QueryStream from 'pg-query-stream';
import { sendOnClient } from '../../../../src/database/statements/client-flights.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import { StampBlindServer } from '../../../support/citus/stamp-blind-server.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import {
  clientOf,
  createNotesDatabase,
  leftovers,
  NOTHING_LEFT,
  tenantIn,
} from '../../../support/statements/notes-database.js';

// Of two tenants that share tables: what Citus does not distribute is served like anything else, and shows most.
describe('in a database with Citus', () => {
  const tenant = tenantIn('shared');
  const another = tenantIn('shared');
  let database: TenantDatabase;
  let proxy: StampBlindServer;
  let pool: TestPool;

  beforeAll(async () => {
    database = await createNotesDatabase('shared');
    await database.admin(`ALTER DATABASE ${database.name} SET track_activities = off`);
    proxy = await StampBlindServer.start();
  });

  beforeEach(async () => {
    await database.admin(`DELETE FROM shared.notes;
      INSERT INTO shared.notes (tenant_id, body) VALUES ('${tenant.id}', 'mine'), ('${another.id}', 'yours')`);
    pool = new TestPool(proxy.through(database.target), { size: 1 });
    await pool.warmUp();
    proxy.takeWrites();
  });

  afterEach(() => pool.end());

  afterAll(async () => {
    await proxy.close();
    await database.drop();
  });

  const bodies = async (): Promise<unknown> => {
    const rows = await database.admin<{ body: string }>('SELECT body FROM shared.notes ORDER BY body');
    return rows.map(({ body }) => body);
  };
  const SELECT = 'SELECT body FROM notes';

  it('a statement travels with its transaction in one write', async () => {
    const { rows } = await clientOf(pool, tenant).query(SELECT);
    expect(rows).toEqual([{ body: 'mine' }]);
    // BEGIN, four settings, the statement, Sync, COMMIT, Sync
    expect(proxy.takeWrites()).toEqual([`${'PBE'.repeat(5)}PBDESPBES`]);
  });

  it('each statement is under its own stamp, on one connection', async () => {
    const seen = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const { rows } = await clientOf(pool, index % 2 === 0 ? tenant : another).query(SELECT);
        return rows[0].body;
      }),
    );
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'mine' : 'yours')));
    expect(pool.snapshot()).toMatchObject({ opened: 1 });
  });

  it('nothing of it is left on the connection', async () => {
    await clientOf(pool, tenant).query(SELECT);
    await expect(clientOf(pool, tenant).query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
    await pool.end();
    pool = new TestPool(proxy.through(database.target), { size: 3 });
    await clientOf(pool, tenant).query(SELECT);
    expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
  });

  it('a statement whose COMMIT fails has failed, and the next one is answered', async () => {
    const client = clientOf(pool, tenant);
    const insert = client.query(`INSERT INTO notes (body, parent) VALUES ('orphan', -1)`);
    await expect(insert).rejects.toMatchObject({ code: '23503', constraint: 'notes_parent', table: 'notes' });
    expect(await bodies()).toEqual(['mine', 'yours']);
    expect((await client.query(SELECT)).rows).toEqual([{ body: 'mine' }]);
    expect(pool.snapshot()).toMatchObject({ opened: 1 });
  });

  it('a caller is answered only after the COMMIT', async () => {
    proxy.passReadies(1);
    let isAnswered = false;
    const insert = clientOf(pool, tenant)
      .query(`INSERT INTO notes (body) VALUES ('new')`)
      .finally(() => (isAnswered = true));
    await proxy.somethingHeldBack();
    expect(isAnswered).toBe(false);
    proxy.cut();
    await expect(insert).rejects.toThrow(/terminated/);
  });

  it('neither a write nor a read is sent again when the connection breaks between both Syncs', async () => {
    for (const text of [`INSERT INTO notes (body) VALUES ('once')`, SELECT]) {
      await clientOf(pool, tenant).query(SELECT);
      proxy.takeWrites();
      proxy.passReadies(1);
      const statement = clientOf(pool, tenant).query(text);
      await proxy.somethingHeldBack();
      proxy.cut();
      await expect(statement).rejects.toThrow(/terminated/);
      expect(proxy.takeWrites()).toHaveLength(1);
    }
    expect(await bodies()).toEqual(['mine', 'once', 'yours']);
  });

  it('a transaction is stamped once, by separate commands', async () => {
    const client = clientOf(pool, tenant);
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
    await client.query(`INSERT INTO notes (body) VALUES ('first')`);
    const { rows } = await client.query('SELECT body FROM notes ORDER BY body');
    await client.query('COMMIT');
    expect(rows).toEqual([{ body: 'first' }, { body: 'mine' }]);
    expect(proxy.takeWrites()).toEqual([`${'PBE'.repeat(5)}PBDES`, 'PBDES', 'PBDES']);
    expect((await clientOf(pool, another).query(SELECT)).rows).toEqual([{ body: 'yours' }]);
    expect(pool.snapshot()).toMatchObject({ opened: 1 });
  });

  it('a batch is one write, and all of it or nothing', async () => {
    const batch = clientOf(pool, tenant).beginBatch();
    const added = ['mine', 'second'].map((body) =>
      batch.add({ text: 'INSERT INTO notes (body) VALUES ($1)', values: [body], isChecked: true }, true),
    );
    await batch.send();
    const outcomes = await Promise.allSettled(added);
    expect(outcomes).toMatchObject([
      { reason: { code: '23505', constraint: 'notes_tenant_id_body_key' } },
      { reason: { code: 'BATCH_ROLLED_BACK' } },
    ]);
    expect(await bodies()).toEqual(['mine', 'yours']);
    expect(proxy.takeWrites()).toEqual([`${'PBE'.repeat(5)}PBDEPBDESPBES`]);
  });

  it('a read whose shard has moved is sent again, on the same connection, and a write fails', async () => {
    await database.define(
      'shared',
      `CREATE SEQUENCE IF NOT EXISTS attempts;
       CREATE OR REPLACE FUNCTION moved() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
         IF nextval('shared.attempts') % 2 = 1 THEN
           RAISE 'could not find valid entry for shard 102054' USING ERRCODE = 'XX000';
         END IF;
         RETURN 1;
       END $$`,
    );
    expect((await clientOf(pool, tenant).query('SELECT moved()')).rows).toEqual([{ moved: 1 }]);
    const insert = clientOf(pool, tenant).query(`INSERT INTO notes (body) SELECT 'moved' || moved()`);
    await expect(insert).rejects.toMatchObject({ code: 'XX000' });
    expect(await bodies()).toEqual(['mine', 'yours']);
    expect(pool.snapshot()).toMatchObject({ opened: 1 });
  });

  it('a stream reads under the stamp', async () => {
    const stream = clientOf(pool, tenant).query(new QueryStream(SELECT));
    const rows: unknown[] = [];
    stream.on('data', (row) => rows.push(row));
    await once(stream, 'close');
    expect(rows).toEqual([{ body: 'mine' }]);
  });

  it('a session has the stamp in each statement and in each transaction', async () => {
    await SessionLease.run(accessTo(pool, tenant.stamp), async (session) => {
      expect((await session.query(SELECT)).rows).toEqual([{ body: 'mine' }]);
      await session.query('CREATE TEMPORARY TABLE kept AS SELECT body FROM notes');
      await session.query('BEGIN');
      await session.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
      await session.query(`INSERT INTO notes (body) VALUES ('of a session')`);
      expect((await session.query('SHOW transaction_isolation')).rows).toEqual([
        { transaction_isolation: 'serializable' },
      ]);
      await session.query('ROLLBACK');
      expect((await session.query('SELECT body FROM kept')).rows).toEqual([{ body: 'mine' }]);
      expect(await session.tryLock('a name')).toBe(true);
      expect(await session.unlock('a name')).toBe(true);
    });
    expect(await bodies()).toEqual(['mine', 'yours']);
    expect((await clientOf(pool, another).query(SELECT)).rows).toEqual([{ body: 'yours' }]);
  });

  it('a setting that a statement leaves behind closes the connection', async () => {
    const connection = await pool.acquire();
    await sendOnClient(connection.client, { stamp: tenant.stamp }, { text: `SET work_mem = '9MB'` });
    connection.release();
    await clientOf(pool, tenant).query(SELECT);
    expect(pool.snapshot()).toMatchObject({ opened: 2 });
  });
});
