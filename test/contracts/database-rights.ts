import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cli } from '../support/cli/cli.js';
import { OlderServer } from '../support/postgres/older-server.js';
import { GUIDE_SQL, Operator } from '../support/postgres/operator.js';
import { type TestDatabase, testServer } from '../support/postgres/postgres.js';
import { TestApp, type TestTenant } from '../support/test-app.js';

/** What an instance, and the command line beside it, start with. */
type Variables = Readonly<Record<string, string>>;

type Version = 'the newest PostgreSQL' | 'PostgreSQL 15';

export function describeDatabaseRights(version: Version): void {
  describe(`on ${version} an owner without CREATEDB and CREATEROLE`, () => {
    let debian: OlderServer | undefined;
    let operator: Operator;

    const start = (env: Variables = {}): Promise<TestApp> => {
      const { DATABASE_URL: url = '', ...provided } = operator.environment;
      const drop = (): Promise<void> => operator.clear();
      const admin: TestDatabase['admin'] = (text) => operator.run(text, 'app_catalog');
      return TestApp.over({ name: 'app_catalog', url, admin, drop }, { ...provided, ...env });
    };
    const refusal = async (env?: Variables): Promise<unknown> => {
      try {
        await (await start(env)).stop();
        return undefined;
      } catch (error) {
        return error;
      }
    };
    const add = async (app: TestApp, { apiKey }: TestTenant, name: string): Promise<void> => {
      const body = { name, email: `${name}@example.com` };
      expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body })).status).toBe(201);
    };
    const namesOf = async (app: TestApp, { apiKey }: TestTenant): Promise<string[]> => {
      const { body } = await app.call('/api/v1/customers', { apiKey });
      return (body as { items: { name: string }[] }).items.map(({ name }) => name);
    };

    beforeAll(async () => {
      if (version === 'PostgreSQL 15') debian = await OlderServer.start(15);
      operator = new Operator(debian?.server ?? testServer());
      await operator.clear();
    });

    afterAll(async () => {
      await operator.clear();
      await debian?.stop();
    });

    describe('who has the rights for shared tables', () => {
      let app: TestApp;
      let cli: Cli;
      let tenants: [TestTenant, TestTenant];

      beforeAll(async () => {
        await operator.follow(GUIDE_SQL.sharedTables);
        app = await start();
        cli = new Cli(app.env);
        tenants = [await app.provision('acme', 'row'), await app.provision('globex', 'row')];
      });

      afterAll(async () => {
        await app.stop();
        await operator.clear();
      });

      it('serves tenants their own rows', async () => {
        for (const tenant of tenants) await add(app, tenant, tenant.slug);
        for (const tenant of tenants) expect(await namesOf(app, tenant)).toEqual([tenant.slug]);
      });

      it('signs stamps, and makes no role and no database', async () => {
        expect(
          await operator.run('SELECT stamps_enforced, provided FROM tenantry.connection_targets', 'app_catalog'),
        ).toEqual([{ stamps_enforced: true, provided: true }]);
        expect(await forgedRows(operator, tenants[0])).toEqual([{ rows: 0 }]);
        const made = `SELECT count(*)::int AS n FROM pg_roles WHERE rolname LIKE 'app\\_catalog\\_%'`;
        expect(await operator.run(made)).toEqual([{ n: 0 }]);
      });

      it('migrates, and is healthy', async () => {
        expect((await cli.run('migrate')).code).toBe(0);
        const findings = await doctor(cli);
        expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
      });

      it('keeps the catalog from the login role', async () => {
        const reachable = `SELECT has_database_privilege('app_login', 'app_catalog', 'CONNECT') AS connect`;
        expect(await operator.run(reachable)).toEqual([{ connect: false }]);
      });

      it('is told which right a tenant with a schema or a database needs', async () => {
        for (const [isolation, right] of [
          ['schema', 'CREATE on the database'],
          ['database', 'CREATEDB and CREATEROLE'],
        ] as const) {
          const { code, stderr } = await cli.run(
            'tenants',
            'create',
            `a-${isolation}`,
            '--isolation',
            isolation,
            '--json',
          );
          expect({ code, error: JSON.parse(stderr) }).toEqual({
            code: 1,
            error: { error: { code: 'MISSING_SERVER_RIGHTS', message: expect.stringContaining(right) } },
          });
        }
        const chosen = await cli.run('tenants', 'create', 'a-any', '--isolation', 'schema', '--any-server', '--json');
        expect(JSON.parse(chosen.stderr)).toMatchObject({
          error: { code: 'NO_SERVER_WITH_ROOM', message: expect.stringContaining('1 has an owner without the rights') },
        });
        expect(await operator.run('SELECT slug FROM tenantry.tenants ORDER BY slug', 'app_catalog')).toHaveLength(2);
      });

      it('does not rotate a login role that it has not made', async () => {
        const { code, error } = await cli.run('rotate-credentials', '--server', 'default', '--json');
        expect({ code, error }).toMatchObject({ code: 1, error: { error: { code: 'CONFLICT' } } });
        expect(error.error.message).toContain('made by an operator');
      });

      it('rotates the stamp key once it is a member of the login role', async () => {
        const rotate = ['stamps', 'rotate', '--server', 'default', '--grace', '0s', '--json'];
        const refused = await cli.run(...rotate);
        expect(refused.stdout + refused.stderr).toContain('MISSING_MEMBERSHIP');
        await operator.run('GRANT app_login TO app_owner');
        expect((await cli.run(...rotate)).code).toBe(0);
        expect(await namesOf(app, tenants[0])).toEqual(['acme']);
      });

      it('gives a new password of the login role to every instance', async () => {
        await operator.run(`ALTER ROLE app_login PASSWORD 'a third secret'`);
        const another = await start({
          TENANT_DATABASE_URL: operator.url('app_login', 'app_tenants', 'a third secret'),
        });
        try {
          await operator.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app_login'`);
          expect(await namesOf(another, tenants[1])).toEqual(['globex']);
          expect(await namesOf(app, tenants[1])).toEqual(['globex']);
        } finally {
          await another.stop();
          await operator.run(`ALTER ROLE app_login PASSWORD 'another-secret'`);
        }
      });

      it('refuses another database or login role for tenants that are somewhere already', async () => {
        const elsewhere = { TENANT_DATABASE_URL: operator.url('app_login', 'app_catalog') };
        await operator.run(
          'GRANT CONNECT ON DATABASE app_catalog TO app_login; GRANT CREATE ON DATABASE app_catalog TO app_owner',
        );
        expect(await refusal(elsewhere)).toMatchObject({ code: 'PROVIDED_DATABASE_CHANGED' });
      });
    });

    it('needs CREATE on the database for schemas, and no more', async () => {
      await operator.follow(GUIDE_SQL.sharedTables.replaceAll(/^CREATE SCHEMA (shared|tenantry_isolation).*$/gm, ''));
      await operator.follow(GUIDE_SQL.schemas.replace('GRANT', '\\connect app_tenants\nGRANT'));
      const app = await start();
      try {
        const [row, schema] = [await app.provision('acme', 'row'), await app.provision('globex', 'schema')];
        for (const tenant of [row, schema]) await add(app, tenant, tenant.slug);
        for (const tenant of [row, schema]) expect(await namesOf(app, tenant)).toEqual([tenant.slug]);
        const cli = new Cli(app.env);
        expect((await doctor(cli)).filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
        expect((await cli.run('migrate', '--dry-run')).code).toBe(0);
        expect((await cli.run('tenants', 'delete', 'globex', '--yes')).code).toBe(0);
      } finally {
        await app.stop();
        await operator.clear();
      }
    });

    if (version === 'PostgreSQL 15') return; // what follows does not depend on the version

    it('needs CREATEDB and CREATEROLE for databases, beside those that the operator made', async () => {
      for (const sql of Object.values(GUIDE_SQL)) await operator.follow(sql);
      const app = await start();
      try {
        const [row, database] = [await app.provision('acme', 'row'), await app.provision('globex', 'database')];
        for (const tenant of [row, database]) await add(app, tenant, tenant.slug);
        for (const tenant of [row, database]) expect(await namesOf(app, tenant)).toEqual([tenant.slug]);
      } finally {
        await app.stop();
        await operator.clear();
      }
    });

    it.each([
      ['GRANT CONNECT ON DATABASE app_catalog TO app_owner;', 'CATALOG_UNAVAILABLE', 'permission denied for database'],
      [
        'CREATE SCHEMA tenantry AUTHORIZATION app_owner;',
        'MISSING_RIGHTS',
        'CREATE in the schema "tenantry" for the catalog',
      ],
      [
        'CREATE SCHEMA central AUTHORIZATION app_owner;',
        'MISSING_RIGHTS',
        'CREATE in the schema "central" for central tables',
      ],
      ['GRANT CONNECT ON DATABASE app_tenants TO app_owner, app_login;', 'PROVIDED_LOGIN_FAILED', 'permission denied'],
      ['CREATE SCHEMA shared AUTHORIZATION app_owner;', 'MISSING_RIGHTS', 'or a schema shared'],
      ['CREATE SCHEMA tenantry_isolation AUTHORIZATION app_owner;', 'MISSING_RIGHTS', 'a schema tenantry_isolation'],
    ])('is not started without %s', async (line, code, message) => {
      expect(GUIDE_SQL.sharedTables).toContain(line);
      await operator.follow(GUIDE_SQL.sharedTables.replace(line, ''));
      const error = await refusal();
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
      await operator.clear();
    });

    it('may have one database for everything, of which doctor warns', async () => {
      await operator.follow(GUIDE_SQL.sharedTables);
      await operator.run('GRANT CONNECT ON DATABASE app_catalog TO app_login', 'app_catalog');
      await operator.run(
        'CREATE SCHEMA shared AUTHORIZATION app_owner; CREATE SCHEMA tenantry_isolation AUTHORIZATION app_owner',
        'app_catalog',
      );
      const app = await start({ TENANT_DATABASE_URL: operator.url('app_login', 'app_catalog') });
      try {
        const acme = await app.provision('acme', 'row');
        await add(app, acme, 'one');
        expect(await namesOf(app, acme)).toEqual(['one']);
        const readable = await operator.run(
          `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'tenantry' AND c.relkind IN ('r', 'S')
           AND (has_schema_privilege('app_login', n.oid, 'USAGE') OR has_table_privilege('app_login', c.oid, 'SELECT'))`,
          'app_catalog',
        );
        expect(readable).toEqual([]);
        const findings = (await doctor(new Cli(app.env))).filter(({ verdict }) => verdict !== 'ok');
        expect(findings.map(({ message }) => message)).toEqual([expect.stringContaining('database of the catalog')]);
      } finally {
        await app.stop();
        await operator.clear();
      }
    });
  });
}

interface Finding {
  readonly verdict: string;
  readonly message: string;
}

async function doctor(cli: Cli): Promise<Finding[]> {
  return ((await cli.run('doctor', '--json')).json as { findings: Finding[] }).findings;
}

/** What the login role sees that sets a tenant's id without the proof. */
function forgedRows(operator: Operator, { id }: TestTenant): Promise<object[]> {
  return operator.as('app_login', `SET app.tenant_id = '${id}'`, 'SELECT count(*)::int AS rows FROM shared.customers');
}
