import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { PoolOptions } from '../../src/database/pool/pool-options.js';
import type { ConnectionTarget } from '../../src/database/connection/connection-target.js';
import { TestPool } from '../support/pool/test-pool.js';
import { testServer } from '../support/postgres/postgres.js';
import {
  createTenantDatabase,
  TENANT_COLUMN,
  type TenantDatabase,
  tenantPolicy,
} from '../support/postgres/tenant-database.js';

const OPTIONS = {
  size: 2,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 5_000,
  connectTimeoutMs: 2_000,
  statementTimeoutMs: 5_000,
};

let database: TenantDatabase;

/**
 * @param reuse whether connections are pooled; otherwise each lease opens its own
 * @param shared whether the database is that of several tenants; in a tenant's own, an ordinary role is recognised first
 */
export function describeLoginRoles(
  what: string,
  { reuse, shared }: { readonly reuse: boolean; readonly shared: boolean },
): void {
  const open = (target: ConnectionTarget, more?: Partial<PoolOptions>): TestPool =>
    new TestPool(target, { ...OPTIONS, ...more, reuse });

  describe(`a login role (${what})`, () => {
    beforeEach(async () => {
      const created = await createTenantDatabase();
      database = { ...created, target: { ...created.target, shared } };
      await database.define('app', `CREATE TABLE notes (${TENANT_COLUMN}, body text); ${tenantPolicy('notes')}`);
    });

    afterEach(() => database.drop());

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
      await database.admin(`REVOKE ALL ON app.notes FROM ${database.role}`); // which it may grant itself again
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

    async function expectAccepted(target: ConnectionTarget, trustedFunctions: readonly string[] = []): Promise<void> {
      const pool = open(target, { trustedFunctions });
      (await pool.acquire()).release();
      await pool.end();
    }

    it('that may read one column of a view, or only write to a view, is rejected', async () => {
      await database.admin(
        `CREATE VIEW app.everybody AS SELECT * FROM app.notes; GRANT SELECT (body) ON app.everybody TO ${database.role}`,
      );
      await expectRefused(database.target, 'may read the view app.everybody');
      await database.admin(`REVOKE ALL (body) ON app.everybody FROM ${database.role}`);
      for (const privilege of ['INSERT', 'UPDATE (body)', 'UPDATE', 'DELETE']) {
        await database.admin(`GRANT ${privilege} ON app.everybody TO ${database.role}`);
        await expectRefused(database.target, 'may write to the view app.everybody');
        await database.admin(`REVOKE ${privilege} ON app.everybody FROM ${database.role}`);
      }
      await expectAccepted(database.target);
    });

    it('that may read a materialized view over a security_invoker view, or over a function, is rejected', async () => {
      await database.admin(
        `CREATE VIEW app.mine WITH (security_invoker) AS SELECT * FROM app.notes;
       CREATE MATERIALIZED VIEW app.copy AS SELECT * FROM app.mine;
       CREATE FUNCTION app.all_notes() RETURNS SETOF app.notes LANGUAGE sql AS 'SELECT * FROM app.notes';
       CREATE MATERIALIZED VIEW app.computed AS SELECT * FROM app.all_notes();
       GRANT SELECT ON app.copy TO ${database.role}`,
      );
      await expectRefused(database.target, 'may read the view app.copy');
      await database.admin(
        `REVOKE ALL ON app.copy FROM ${database.role}; GRANT SELECT ON app.computed TO ${database.role}`,
      );
      await expectRefused(database.target, 'may read the view app.computed');
    });

    it('whose temporary view reads tenant tables is accepted: it has no other rights', async () => {
      const { host, port } = testServer();
      const { role: user, password } = database.target;
      const session = new pg.Client({ host, port, user, password, database: database.name });
      await session.connect();
      await session.query(
        'CREATE TEMP VIEW mine AS SELECT * FROM app.notes; CREATE TEMP TABLE copy AS TABLE app.notes',
      );
      await expectAccepted(database.target);
      await session.end();
    });

    it("that may write to a table whose rule acts with its owner's rights is rejected", async () => {
      await database.admin('CREATE RULE leak AS ON INSERT TO app.notes DO ALSO DELETE FROM app.notes');
      await expectRefused(database.target, 'may use the table app.notes, whose rules bypass the policies');
    });

    it.each(['', '(integer, text)'])(
      "that may execute a function with its owner's rights is rejected, unless app.leak%s is trusted",
      async (signature) => {
        await database.admin(
          `CREATE FUNCTION app.leak(integer, text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
           AS 'SELECT count(*) FROM app.notes';
         ALTER FUNCTION app.leak OWNER TO ${testServer().owner}`,
        );
        await expectRefused(database.target, 'may execute the function app.leak(integer,text)');
        await expectAccepted(database.target, [`app.leak${signature}`]);
        await expect(
          open(database.target, { trustedFunctions: ['app.leak(integer)', 'leak'] }).acquire(),
        ).rejects.toMatchObject({ code: 'UNSAFE_ROLE' });
        await database.admin('ALTER FUNCTION app.leak SECURITY INVOKER');
        await expectAccepted(database.target);
        await database.admin(
          'ALTER FUNCTION app.leak SECURITY DEFINER; REVOKE EXECUTE ON FUNCTION app.leak FROM PUBLIC',
        );
        await expectAccepted(database.target);
        await database.admin(`GRANT EXECUTE ON FUNCTION app.leak TO ${database.role}`);
        await expectRefused(database.target, 'may execute the function app.leak(integer,text)');
      },
    );

    it.each(['SUPERUSER', 'BYPASSRLS'])(
      'that may execute a function of a role with %s is rejected',
      async (attribute) => {
        const owner = `${database.role}_definer`;
        await database.admin(
          `CREATE ROLE ${owner}; CREATE PROCEDURE app.leak() LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM app.notes';
       ALTER PROCEDURE app.leak OWNER TO ${owner}`,
        );
        await expectAccepted(database.target); // its owner bypasses nothing
        await database.admin(`ALTER ROLE ${owner} ${attribute}`);
        await expectRefused(database.target, 'may execute the function app.leak()');
        await database.admin(`DROP PROCEDURE app.leak; DROP ROLE ${owner}`);
      },
    );

    it('that may execute the functions of the policies, and those of triggers, is accepted', async () => {
      await database.admin(
        `GRANT USAGE ON SCHEMA tenantry_isolation TO ${database.role};
              CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END'`,
      );
      await expectAccepted(database.target);
    });

    it("that a policy other than Tenantry's admits to a tenant table is rejected", async () => {
      await database.admin('CREATE POLICY narrower ON app.notes AS RESTRICTIVE USING (true)');
      await database.admin(`CREATE POLICY others ON app.notes TO ${testServer().owner} USING (true)`);
      for (const command of ['SELECT', 'UPDATE', 'DELETE']) {
        await database.admin(`CREATE POLICY tenant_${command.toLowerCase()} ON app.notes FOR ${command} USING (false)`);
      }
      await expectAccepted(database.target);
      await database.admin(`CREATE POLICY wider ON app.notes TO ${database.role} USING (true)`);
      await expectRefused(database.target, 'is admitted to the table app.notes by the policy wider');
      await database.admin(`ALTER POLICY wider ON app.notes TO PUBLIC`);
      await expectRefused(database.target, 'by the policy wider');
    });

    it('that may use a table with a tenant_id and without policies is rejected', async () => {
      await database.define('app', `CREATE TABLE countries (code text)`);
      await expectAccepted(database.target);
      await database.admin('ALTER TABLE app.notes DISABLE ROW LEVEL SECURITY');
      await expectRefused(
        database.target,
        'may use the table app.notes, which has a tenant_id and no row-level security',
      );
      await database.admin(
        `REVOKE ALL ON app.notes FROM ${database.role}; GRANT UPDATE (body) ON app.notes TO ${database.role}`,
      );
      await expectRefused(database.target, 'may use the table app.notes');
    });

    it('that may use a foreign table is rejected', async () => {
      await database.admin(
        `CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
       CREATE FOREIGN TABLE app.remote (body text) SERVER far`,
      );
      await expectAccepted(database.target);
      await database.admin(`GRANT SELECT (body) ON app.remote TO ${database.role}`);
      await expectRefused(database.target, 'may use the foreign table app.remote');
    });

    it.each(['TRUNCATE', 'TRIGGER'])('with the privilege %s on a tenant table is rejected', async (privilege) => {
      await database.admin(`GRANT ${privilege} ON app.notes TO ${database.role}`);
      await expectRefused(database.target, 'may truncate the table app.notes or add triggers to it');
    });

    it('that may use an exposing object through another role is rejected', async () => {
      const other = `${database.role}_other`;
      await database.admin(
        `CREATE ROLE ${other}; ALTER ROLE ${database.role} NOINHERIT; GRANT ${other} TO ${database.role}`,
      );
      await expectAccepted(database.target);
      await database.admin(`GRANT TRUNCATE ON app.notes TO ${other}`);
      await expectRefused(database.target, 'may truncate the table app.notes');
      await database.admin(`DROP OWNED BY ${other}; DROP ROLE ${other}`);
    });

    it.each([
      ['CREATEROLE', 'has CREATEROLE'],
      ['REPLICATION', 'has REPLICATION'],
    ])('with %s is rejected', async (attribute, reason) => {
      await database.admin(`ALTER ROLE ${database.role} ${attribute}`);
      await expectRefused(database.target, reason);
    });

    it.each(['pg_read_all_data', 'pg_read_server_files'])('that is a member of %s is rejected', async (role) => {
      await database.admin(`GRANT ${role} TO ${database.role}`);
      await expectRefused(database.target, `is a member of ${role}`);
    });

    it('that could create objects is rejected', async () => {
      await database.admin('GRANT CREATE ON SCHEMA app TO PUBLIC');
      await expectRefused(database.target, 'may create objects in the schema app');
      await database.admin('REVOKE CREATE ON SCHEMA app FROM PUBLIC');
      await database.admin(`GRANT CREATE ON DATABASE ${database.name} TO ${database.role}`);
      await expectRefused(database.target, 'may create schemas');
      await database.admin(`REVOKE CREATE ON DATABASE ${database.name} FROM ${database.role}`);
      await database.admin(
        `ALTER SCHEMA app OWNER TO ${database.role}; REVOKE CREATE ON SCHEMA app FROM ${database.role}`,
      );
      await expectRefused(database.target, 'may create objects in the schema app');
    });

    it('that owns the database is rejected, even without the privilege to create schemas in it', async () => {
      await database.admin(`ALTER DATABASE ${database.name} OWNER TO ${database.role}`);
      await database.admin(`REVOKE CREATE ON DATABASE ${database.name} FROM ${database.role}`);
      await expectRefused(database.target, 'may create objects in the schema public');
    });

    it('whose sessions begin as some tenant is rejected', async () => {
      await database.admin(`ALTER ROLE ${database.role} SET app.tenant_id = '00000000-0000-0000-0000-000000000001'`);
      await expectRefused(database.target, 'app.tenant_id');
    });
  });
}
