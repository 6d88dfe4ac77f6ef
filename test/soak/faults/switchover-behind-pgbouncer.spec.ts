import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { TestPool } from '../../support/pool/test-pool.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/postgres/tenant-database.js';

let pooler: PgBouncer;
let database: TenantDatabase;
let pool: TestPool;

beforeAll(async () => {
  [pooler, database] = await Promise.all([PgBouncer.start(), createTenantDatabase()]);
  pool = new TestPool(pooler.through(database.target));
});

afterAll(async () => {
  await pool.end();
  await pooler.stop();
  await database.drop();
});

it('a pool that only reads behind PgBouncer, which reports nothing, notices that the server refuses writes', async () => {
  await read();
  await setReadOnly('on');
  await soon(() =>
    expect(read()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: 'SERVER_READ_ONLY' } }),
  );
  await setReadOnly('off');
  await soon(read);
});

async function read(): Promise<void> {
  const connection = await pool.acquire();
  await connection.client.query('SELECT 1').finally(() => connection.release());
}

/** PgBouncer replaces its connections to the server; its clients keep theirs. */
async function setReadOnly(value: 'on' | 'off'): Promise<void> {
  await asSuperuser(
    'postgres',
    `ALTER DATABASE "${database.target.database}" SET default_transaction_read_only = ${value}`,
  );
  for (const pid of await pooler.backends()) await asSuperuser('postgres', `SELECT pg_terminate_backend(${pid})`);
}
