import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StampBlindServer } from '../../../support/citus/stamp-blind-server.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { clientOf, createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';

// What a Citus coordinator does with stamps of a plain PostgreSQL: it must fail closed.
describe('workers that do not see the stamps', () => {
  const tenant = tenantIn('shared');
  const another = tenantIn('shared');
  let database: TenantDatabase;
  let proxy: StampBlindServer;
  let pool: TestPool;

  beforeAll(async () => {
    database = await createNotesDatabase('shared');
    await database.admin(
      `INSERT INTO shared.notes (tenant_id, body) VALUES ('${tenant.id}', 'mine'), ('${another.id}', 'yours')`,
    );
    proxy = await StampBlindServer.start({ saysCitus: false });
    pool = new TestPool(proxy.through(database.target));
  });

  afterAll(async () => {
    await pool.end();
    await proxy.close();
    await database.drop();
  });

  it('show no row of any tenant', async () => {
    const { rows } = await clientOf(pool, tenant).query('SELECT body FROM shared.notes');
    expect(rows).toEqual([]);
  });

  it('accept no row', async () => {
    const insert = clientOf(pool, tenant).query(`INSERT INTO shared.notes (tenant_id, body) VALUES ($1, 'new')`, [
      tenant.id,
    ]);
    await expect(insert).rejects.toMatchObject({ code: '42501' });
  });

  it('show no row to a transaction', async () => {
    const client = clientOf(pool, tenant);
    await client.query('BEGIN');
    const { rows } = await client.query('SELECT body FROM shared.notes');
    await client.query('COMMIT');
    expect(rows).toEqual([]);
  });

  describe('as a driver sees them', () => {
    let client: pg.Client;

    beforeAll(async () => {
      const { role: user, password } = database.target;
      client = new pg.Client({ host: '127.0.0.1', port: proxy.port, user, password, database: database.name });
      await client.connect();
    });

    afterAll(() => client.end());

    it('report violated constraints under the names of shards, and without fields', async () => {
      await client.query('CREATE TEMPORARY TABLE strict (size int CONSTRAINT small CHECK (size < 3))');
      await expect(client.query('INSERT INTO strict VALUES (4)')).rejects.toMatchObject({
        message: 'new row for relation "strict_102008" violates check constraint "small_102008"',
        constraint: undefined,
        table: undefined,
        routine: 'ReportResultError',
      });
    });

    it('refuse a text of several commands that sets something for its transaction', async () => {
      const query = client.query(`BEGIN; SET LOCAL app.tenant_id = 'x'`);
      await expect(query).rejects.toMatchObject({ code: '0A000' });
    });

    it('see what a block of its own sets once settings are propagated, until its end', async () => {
      const seen = async (): Promise<unknown> => {
        const { rows } = await client.query(`SELECT coalesce(current_setting('app.tenant_id', true), '') AS tenant`);
        return rows[0].tenant;
      };
      await client.query(`SET LOCAL app.tenant_id = 'outside'`);
      await client.query('BEGIN');
      await client.query(`SET LOCAL app.tenant_id = 'not propagated'`);
      expect(await seen()).toBe('');
      await client.query(`SET LOCAL citus.propagate_set_commands = 'local'`);
      await client.query(`SET LOCAL app.tenant_id = 'propagated'`);
      expect(await seen()).toBe('propagated');
      await client.query('COMMIT');
      await client.query(`SET app.tenant_id = 'session'`);
      expect(await seen()).toBe('');
    });
  });
});
