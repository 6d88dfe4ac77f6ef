import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PgBouncer } from '../../../support/postgres/pgbouncer.js';
import { soon } from '../../../support/load/soon.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import type { TestPool } from '../../../support/pool/test-pool.js';
import { clientOf, createNotesDatabase, openPool, tenantIn } from '../../../support/statements/notes-database.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

const tenant = tenantIn('shared');

let database: TenantDatabase;
let tap: WireTap;
let pooler: PgBouncer;
let pool: TestPool;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  await database.define(
    'shared',
    `CREATE FUNCTION write_note(body text) RETURNS bigint LANGUAGE sql
       AS 'INSERT INTO shared.notes (body) VALUES ($1) RETURNING id'`,
  );
  tap = await WireTap.before(database.target);
  pooler = await PgBouncer.start({ poolSize: 1, upstream: tap.through(database.target).server });
  pool = openPool('pooled', pooler.through(database.target), { size: 1 });
});

afterAll(async () => {
  await pool.end();
  await pooler.stop();
  await tap.close();
  await database.drop();
});

it('a read is not repeated when only the pooler knows that its connection died: it may have run', async () => {
  const [backend] = (await clientOf(pool, tenant).query('SELECT pg_backend_pid() AS pid')).rows;
  tap.freeze();
  const statement = clientOf(pool, tenant).query(`SELECT write_note('note ' || clock_timestamp())`);
  statement.catch(() => undefined); // looked at below
  await tap.somethingHeldBack(); // PostgreSQL has committed, and the pooler does not know
  await database.admin('SELECT pg_terminate_backend($1, 5000)', [backend.pid]);
  await soon(async () => expect(await pooler.backends()).not.toContain(backend.pid));
  tap.thaw();
  await expect(statement).rejects.toMatchObject({ severity: 'FATAL', code: '08P01' });
  expect(await database.admin('SELECT count(*)::int AS notes FROM shared.notes')).toEqual([{ notes: 1 }]);
});
