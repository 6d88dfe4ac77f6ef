import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cli, settings } from '../../support/cli/cli.js';
import { asSuperuser, createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { sampleSchema } from '../../support/sample-schema.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { dropEverything } from '../../support/test-app.js';

const MARKED = `SELECT proname FROM pg_proc WHERE proleakproof AND proname IN ('numeric_eq', 'textlike', 'lower') ORDER BY 1`;

let database: TestDatabase;
let folder: string;
let cli: Cli;
let databases: string[];

beforeAll(async () => {
  database = await createTestDatabase('leakproof');
  folder = await mkdtemp(join(tmpdir(), 'tenantry-leakproof-'));
  cli = new Cli({ ...settings(randomBytes(32).toString('base64'), folder), DATABASE_URL: database.url });
  const tenants = ['row', 'database'].map((isolation) =>
    cli.json('tenants', 'create', `l-${isolation}`, '--isolation', isolation),
  );
  await Promise.all(tenants);
  const rows = await database.admin<{ database: string }>('SELECT database FROM connection_targets ORDER BY database');
  databases = rows.map((row) => row.database);
});

afterAll(async () => {
  await dropEverything(database);
  await rm(folder, { recursive: true, force: true });
});

const mark = (...options: string[]): string[] => ['leakproof', 'mark', '--server', 'default', ...options];
const password = (): Record<string, string> => ({ TENANTRY_SUPERUSER_PASSWORD: testServer().superuserPassword });

async function marked(): Promise<unknown[]> {
  return Promise.all(databases.map((name) => asSuperuser(name, MARKED)));
}

const NOWHERE = () => databases.map(() => []);

describe('the command line', () => {
  it('shows what a migration makes and conditions cannot use, on stderr and not with --json', async () => {
    const heavy = migration('AddWeight1790000000000', 'CREATE INDEX heavy ON orders (tenant_id, (total / 1000.0))');
    const schema = { ...sampleSchema, migrations: [...sampleSchema.migrations, heavy] };
    const migrating = new Cli(cli.env, schema);
    const json = await migrating.run('tenants', 'create', 'heavy', '--isolation', 'schema', '--json');
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: '' });
    const lighter = migration('AddWeight1790000000000', 'CREATE INDEX lighter ON orders (tenant_id, (total / 10.0))');
    const other = new Cli(cli.env, { ...sampleSchema, migrations: [...sampleSchema.migrations, lighter] });
    const { stderr } = await other.run('tenants', 'create', 'lighter', '--isolation', 'schema');
    expect(stderr).toMatch(/^Index lighter of orders: conditions on .* do not use it under row-level security/m);
  });
});

describe('tenantry leakproof', () => {
  it('prints what it would do without a superuser, and does it with one in every database of the server, once', async () => {
    const { stdout: plan } = await cli.run(...mark('--kinds', 'numeric', '--dry-run'));
    for (const name of databases) expect(plan).toContain(`\\connect "${name}"\nALTER FUNCTION pg_catalog.numeric_eq`);
    expect(await marked()).toEqual(NOWHERE());

    const { stdout, stderr, code } = await cli.runAmid({ env: password() }, ...mark('--kinds', 'numeric'));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: databases.map((name) => `${name}: 6 functions changed\n`).join(''),
    });
    expect(stderr).toContain('numeric: how long a comparison takes');
    expect(await marked()).toEqual(databases.map(() => [{ proname: 'numeric_eq' }]));
    const again = await cli.runAmid({ env: password() }, ...mark('--kinds', 'numeric'));
    expect(again.stdout).toBe(databases.map((name) => `${name}: nothing to change\n`).join(''));
  });

  it('lists what is marked, takes it back, and leaves both in the audit log without the password', async () => {
    const listed = await cli.json('leakproof', '--server', 'default');
    expect(listed).toMatchObject(
      databases.map((name) => ({ database: name, kinds: { numeric: 'all', enum: 'none' } })),
    );
    const input = `${testServer().superuserPassword}\n`;
    const unmark = ['leakproof', 'unmark', '--server', 'default', '--kinds', 'numeric', '--superuser-password-stdin'];
    expect((await cli.runAmid({ input }, ...unmark)).code).toBe(0);
    expect(await marked()).toEqual(NOWHERE());
    const audit = await cli.run('audit', '--subject', 'default', '--json');
    expect(audit.json.items.map(({ action }: { action: string }) => action)).toEqual([
      ...['server.leakproof-unmark', 'server.leakproof-mark'],
    ]);
    expect(audit.stdout).not.toContain(testServer().superuserPassword);
  });

  it('refuses a role that is no superuser, and names what does without one', async () => {
    const { owner, ownerPassword } = testServer();
    const env = { TENANTRY_SUPERUSER_PASSWORD: ownerPassword };
    const refused = await cli.runAmid({ env }, ...mark('--kinds', 'numeric,enum', '--superuser', owner, '--json'));
    expect(refused.code).toBe(1);
    expect(refused.error.error).toEqual({
      code: 'NOT_SUPERUSER',
      message: expect.stringMatching(
        /is no superuser.*a generated bigint column of minor units.*docs\/guides\/indexes/,
      ),
    });
    expect(await marked()).toEqual(NOWHERE());
  });

  it.each([
    ['like', /never marked: LIKE .* raises an error only where/],
    ['numeric,like', /like is never marked/],
    ['numeric_eq', /--kinds expects some of numeric, enum/],
    ['__proto__', /--kinds expects some of/],
    [`numeric'; DROP TABLE tenants; --`, /--kinds expects some of/],
    ['', /--kinds expects some of/],
  ])('refuses --kinds %j', async (kinds, message) => {
    const refused = await cli.runAmid({ env: password() }, ...mark('--kinds', kinds));
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(message);
    expect(await marked()).toEqual(NOWHERE());
  });

  it('asks for a password outside the arguments, and does not repeat a wrong one', async () => {
    const without = await cli.run(...mark('--kinds', 'numeric'));
    expect({ code: without.code, stderr: without.stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('TENANTRY_SUPERUSER_PASSWORD'),
    });
    const env = { TENANTRY_SUPERUSER_PASSWORD: 'hunter2-is-wrong' };
    const wrong = await cli.runAmid({ env }, ...mark('--kinds', 'numeric', '--verbose'));
    expect(wrong.code).toBe(1);
    expect(wrong.stdout + wrong.stderr).not.toContain('hunter2');
    const unknown = await cli.runAmid({ env: password() }, 'leakproof', '--server', 'nowhere');
    expect(unknown.code).toBe(1);
  });
});
