import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { TestPool } from '../../../support/pool/test-pool.js';
import { testServer } from '../../../support/postgres/postgres.js';
import {
  createTenantDatabase,
  TENANT_COLUMN,
  type TenantDatabase,
  tenantPolicy,
} from '../../../support/postgres/tenant-database.js';

const OPTIONS = {
  size: 2,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 5_000,
  connectTimeoutMs: 2_000,
  statementTimeoutMs: 5_000,
};

let database: TenantDatabase;

beforeEach(async () => {
  database = await createTenantDatabase();
  await database.define('app', `CREATE TABLE notes (${TENANT_COLUMN}, body text); ${tenantPolicy('notes')}`);
});

afterEach(() => database.drop());

describe.each([
  ['pooled', (target: ConnectionTarget): TestPool => new TestPool(target, OPTIONS)],
  ['direct', (target: ConnectionTarget): TestPool => new TestPool(target, { ...OPTIONS, reuse: false })],
])('a login role (%s connections)', (_, open) => {
  async function expectRefused(target: ConnectionTarget, reason: string): Promise<void> {
    const pool = open(target);
    const rejection = { code: 'UNSAFE_ROLE', reason: expect.stringContaining(reason) };
    await expect(pool.acquire()).rejects.toMatchObject(rejection);
    await expect(pool.acquire()).rejects.toMatchObject(rejection); // not only the first time
    await pool.end();
    expect(pool.counts()).toMatchObject({ total: 0 });
  }

  it('that the policies restrict is accepted', async () => {
    const pool = open(database.target);
    (await pool.acquire()).release();
    await pool.end();
  });

  it('that is a superuser is rejected', async () => {
    const { superuser: role, superuserPassword: password } = testServer();
    await expectRefused({ ...database.target, role, password }, 'superuser');
  });

  it('that has BYPASSRLS is rejected', async () => {
    await database.admin(`ALTER ROLE ${database.role} BYPASSRLS`);
    await expectRefused(database.target, 'BYPASSRLS');
  });

  it('that may become a role with BYPASSRLS, however indirectly, is rejected', async () => {
    const [near, far] = [`${database.role}_near`, `${database.role}_far`];
    await database.admin(
      `CREATE ROLE ${near} NOINHERIT; CREATE ROLE ${far} BYPASSRLS; GRANT ${far} TO ${near}; GRANT ${near} TO ${database.role}`,
    );
    await expectRefused(database.target, 'BYPASSRLS');
    await database.admin(`DROP ROLE ${near}, ${far}`);
  });

  it('that owns tenant tables is rejected, even where FORCE restricts it for now', async () => {
    await database.admin(`ALTER TABLE app.notes OWNER TO ${database.role}`);
    await expectRefused(database.target, 'owns tenant tables');
    await database.admin('ALTER TABLE app.notes FORCE ROW LEVEL SECURITY');
    await expectRefused(database.target, 'owns tenant tables');
  });

  it('that is a member of the owner role is rejected', async () => {
    await database.admin(`GRANT ${testServer().owner} TO ${database.role}`);
    await expectRefused(database.target, 'owns tenant tables');
    await database.admin(`REVOKE ${testServer().owner} FROM ${database.role}`);
  });

  it.each(['VIEW', 'MATERIALIZED VIEW'])('that may read a %s over tenant tables is rejected', async (kind) => {
    await database.admin(`CREATE ${kind} app.everybody AS SELECT * FROM app.notes`);
    const pool = open(database.target);
    (await pool.acquire()).release(); // it may not read it
    await pool.end();
    await database.admin(`GRANT SELECT ON app.everybody TO ${database.role}`);
    await expectRefused(database.target, 'may read the view app.everybody');
  });

  it('that may read a security_invoker view is accepted, and one over a plain view over it is rejected', async () => {
    await database.admin(
      `CREATE VIEW app.mine WITH (security_invoker) AS SELECT * FROM app.notes;
       GRANT SELECT ON app.mine TO ${database.role}`,
    );
    const pool = open(database.target);
    (await pool.acquire()).release();
    await pool.end();
    await database.admin(
      `CREATE VIEW app.raw AS SELECT * FROM app.notes; CREATE VIEW app.over AS SELECT * FROM app.raw;
       GRANT SELECT ON app.over TO ${database.role}`,
    );
    await expectRefused(database.target, 'may read the view app.over');
  });

  it('whose sessions begin as some tenant is rejected', async () => {
    await database.admin(`ALTER ROLE ${database.role} SET app.tenant_id = '00000000-0000-0000-0000-000000000001'`);
    await expectRefused(database.target, 'app.tenant_id');
  });
});
