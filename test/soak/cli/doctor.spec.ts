import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownerPasswordContext } from '../../../src/catalog/server-owner.js';
import { loadConfig } from '../../../src/platform/config/load-config.js';
import { KeyRing } from '../../../src/platform/encryption/key-ring.js';
import { freePort } from '../../support/processes/free-port.js';
import { asSuperuser, createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { TestRedis } from '../../support/redis/test-redis.js';
import { dropEverything } from '../../support/test-app.js';
import { createPoliciesSql, FORMER_POLICY, TENANT_POLICIES } from '../../../src/database/isolation/tenant-policies.js';
import { type Around, Cli, settings } from '../../support/cli/cli.js';

interface Finding {
  readonly check: string;
  readonly verdict: string;
  readonly subject?: string;
  readonly message: string;
  readonly remedy?: string;
}

const KEY = randomBytes(32).toString('base64');

let database: TestDatabase;
let redis: TestRedis;
let folder: string;
let cli: Cli;
let shared: string;
let role: string;
let schema: string;

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase('doctor'), TestRedis.start()]);
  await database.admin(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
  folder = await mkdtemp(join(tmpdir(), 'tenantry-doctor-'));
  cli = new Cli({
    ...{ ...settings(KEY, folder), DATABASE_URL: database.url },
    ...{ ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) },
  });
  for (const isolation of ['row', 'schema', 'database']) {
    await cli.json('tenants', 'create', `sick-${isolation}`, '--isolation', isolation);
  }
  const tenant = await cli.json('tenants', 'show', 'sick-schema');
  [shared, schema] = [tenant.database, tenant.schema];
  const rows = await database.admin<{ role: string }>("SELECT role FROM connection_targets WHERE kind = 'shared'");
  role = rows[0]?.role ?? '';
});

afterAll(async () => {
  await redis.stop();
  await dropEverything(database);
  await rm(folder, { recursive: true, force: true });
});

/** The findings that are not ok. */
async function findings(around: Around = {}): Promise<Finding[]> {
  const ran = await cli.runAmid(around, 'doctor', '--json');
  const { healthy, findings: all } = ran.json as { healthy: boolean; findings: Finding[] };
  const found = all.filter(({ verdict }) => verdict !== 'ok');
  const hasFailed = found.some(({ verdict }) => verdict === 'fail');
  expect({ code: ran.code, healthy }).toEqual({ code: hasFailed ? 1 : 0, healthy: !hasFailed });
  for (const { remedy } of found) expect(remedy).toBeTruthy();
  return found;
}

/** Damages the system, runs doctor and repairs the damage. */
async function withDamage(damage: string, repair: string, where = database.name): Promise<Finding[]> {
  await asSuperuser(where, damage);
  try {
    return await findings();
  } finally {
    await asSuperuser(where, repair);
  }
}

describe('doctor on a healthy system', () => {
  it('prints one line of ok per check', async () => {
    const { code, stdout, stderr } = await cli.spawn('doctor');
    const lines = stdout.trimEnd().split('\n');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines.filter((line) => !line.startsWith('ok  '))).toEqual([]);
    expect(lines.map((line) => line.split(/\s+/)[1])).toEqual([
      ...[
        'node',
        'configuration',
        'redis',
        'backups',
        'catalog',
        'server',
        'clock',
        'pooler',
        'leftovers',
        'unknown-tenants',
        'moved-rows',
        'login-role',
      ],
      ...['exposure', 'row-level-security', 'stamps', 'migrations', 'entities', 'index-conditions'],
      ...['reference-data', 'stuck', 'sealed-values', 'backup-ages', 'backup-drills', 'settings'],
    ]);
  });

  it('changes nothing', async () => {
    const count = 'SELECT count(*)::int AS n FROM audit_log';
    const [before] = await database.admin<{ n: number }>(count);
    expect(await findings()).toEqual([]);
    expect(await database.admin(count)).toEqual([before]);
  });
});

describe('doctor on row-level security', () => {
  const restore = (table: string) =>
    [
      ...TENANT_POLICIES.map(({ name }) => `DROP POLICY IF EXISTS ${name} ON ${table}`),
      ...createPoliciesSql(table),
    ].join(';');

  it.each<[string, (table: string) => string, (table: string) => string, string, string]>([
    ['dropped', (table) => `DROP POLICY tenant_delete ON ${table}`, restore, 'lacks the policy tenant_delete', ''],
    [
      'opened',
      (table) => `ALTER POLICY tenant_select ON ${table} USING (true)`,
      restore,
      'a different condition in its policy tenant_select',
      '',
    ],
    [
      'bypassed by another one',
      (table) => `CREATE POLICY leak ON ${table} USING (true)`,
      (table) => `DROP POLICY leak ON ${table}`,
      'an additional policy',
      'by the policy leak',
    ],
    [
      'switched off',
      (table) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
      (table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
      'row-level security disabled',
      'no row-level security',
    ],
  ])('reports a policy that was %s', async (_what, damage, repair, message, ofTheRole) => {
    const table = `${schema}.customers`;
    const rejected = { check: 'login-role', verdict: 'fail', message: expect.stringContaining(ofTheRole) };
    expect(await withDamage(damage(table), repair(table), shared)).toEqual([
      ...(ofTheRole === '' ? [] : [expect.objectContaining(rejected)]),
      expect.objectContaining({
        ...{ check: 'row-level-security', verdict: 'fail' },
        ...{ subject: `default/${shared} ${table}`, message: expect.stringContaining(message) },
      }),
    ]);
  });

  it('warns of the policy of a former release', async () => {
    const table = `${schema}.customers`;
    const damage = `CREATE POLICY ${FORMER_POLICY} ON ${table} USING (tenant_id = current_setting('app.tenant_id')::uuid)`;
    const found = await withDamage(damage, `DROP POLICY ${FORMER_POLICY} ON ${table}`, shared);
    expect(found).toMatchObject([{ check: 'row-level-security', verdict: 'warn', remedy: 'run `tenantry migrate`' }]);
  });

  it('reports a table without tenant_id', async () => {
    const table = 'shared.everybodys';
    const found = await withDamage(`CREATE TABLE ${table} (id int)`, `DROP TABLE ${table}`, shared);
    expect(found).toMatchObject([{ check: 'row-level-security', verdict: 'fail', message: 'has no tenant_id' }]);
  });

  it('lists an index that the policies make useless, with what mends it', async () => {
    const table = 'shared.orders';
    const damage = `ALTER TABLE ${table} ADD weight numeric; CREATE INDEX by_weight ON ${table} (tenant_id, weight)`;
    const found = await withDamage(damage, `ALTER TABLE ${table} DROP weight`, shared);
    expect(found).toMatchObject([
      {
        ...{ check: 'index-conditions', verdict: 'warn', subject: `default/${shared} ${table}: by_weight` },
        message: 'conditions on weight do not use it under the policies: no leakproof operator',
        remedy: expect.stringContaining('tenantry leakproof mark --server default --kinds numeric'),
      },
    ]);
  });

  it('reports an operator that is marked leakproof although it tells values', async () => {
    const [damage, repair] = ['LEAKPROOF', 'NOT LEAKPROOF'].map(
      (mark) => `ALTER FUNCTION textlike(text, text) ${mark}`,
    );
    const found = await withDamage(damage ?? '', repair ?? '', shared);
    expect(found).toMatchObject([
      {
        ...{ check: 'index-conditions', verdict: 'fail', subject: expect.stringContaining(`/${shared}`) },
        message: "marked leakproof, although their errors tell other tenants' values: textlike(text,text)",
      },
    ]);
  });

  it('reports a tenant schema that does not exist', async () => {
    const damage = `ALTER SCHEMA ${schema} RENAME TO elsewhere`;
    const found = await withDamage(damage, `ALTER SCHEMA elsewhere RENAME TO ${schema}`, shared);
    expect(found).toMatchObject([{ check: 'row-level-security', verdict: 'fail', message: 'does not exist' }]);
  });
});

describe('doctor on signed stamps', () => {
  const KEYS = 'tenantry_isolation.keys';

  it.each([
    [
      'functions of another body',
      `CREATE OR REPLACE FUNCTION tenantry_isolation.may_read() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'`,
      'fail',
      'not of this release',
    ],
    [
      'functions that run with the rights of the caller',
      'ALTER FUNCTION tenantry_isolation.may_read() SECURITY INVOKER',
      'fail',
      'other properties',
    ],
    ['keys that the login role may read', `GRANT SELECT ON ${KEYS} TO PUBLIC`, 'fail', 'rights on the keys'],
    [
      'another key than the catalog',
      `UPDATE ${KEYS} SET inner_block = decode(repeat('00', 64), 'hex')`,
      'fail',
      'does not accept the key',
    ],
  ])('reports a database with %s', async (_what, damage, verdict, message) => {
    const [before] = await asSuperuser(shared, `SELECT encode(inner_block, 'hex') AS block FROM ${KEYS}`);
    const repair = `UPDATE ${KEYS} SET inner_block = decode('${String(before?.['block'])}', 'hex'); REVOKE ALL ON ${KEYS} FROM PUBLIC`;
    try {
      expect(await withDamage(damage, repair, shared)).toMatchObject([
        { check: 'stamps', verdict, message: expect.stringContaining(message) },
      ]);
    } finally {
      expect((await cli.json('stamps', 'enforce')).status).toBe('succeeded');
    }
    expect(await findings()).toEqual([]);
  });
});

describe('doctor on keys of stamps', () => {
  it('reports one that is still accepted although its rotation has ended', async () => {
    const block = `decode(repeat('5a', 64), 'hex')`;
    const found = await withDamage(
      `INSERT INTO tenantry_isolation.keys (inner_block, outer_block) VALUES (${block}, ${block})`,
      `DELETE FROM tenantry_isolation.keys WHERE inner_block = ${block}`,
      shared,
    );
    expect(found).toMatchObject([{ check: 'stamps', verdict: 'fail', message: 'accepts a former key, too' }]);
  });
});

describe('doctor on login roles', () => {
  it.each([
    ['BYPASSRLS', 'NOBYPASSRLS', 'BYPASSRLS'],
    ['SUPERUSER', 'NOSUPERUSER', 'superuser'],
    ['NOLOGIN', 'LOGIN', 'cannot log in'],
  ])('reports a login role with %s', async (damage, repair, message) => {
    const found = await withDamage(`ALTER ROLE "${role}" ${damage}`, `ALTER ROLE "${role}" ${repair}`);
    expect(found).toEqual([
      expect.objectContaining({ check: 'login-role', verdict: 'fail', message: expect.stringContaining(message) }),
    ]);
  });
});

describe('doctor on what a login role reaches', () => {
  it("reports a function with its owner's rights, by name", async () => {
    const create = `CREATE FUNCTION public.leak() RETURNS bigint LANGUAGE sql SECURITY DEFINER
      AS 'SELECT count(*) FROM shared.customers'`;
    expect(await withDamage(create, 'DROP FUNCTION public.leak', shared)).toEqual([
      expect.objectContaining({
        ...{ check: 'login-role', verdict: 'fail' },
        message: expect.stringContaining('may execute the function leak(), which bypasses the policies'),
      }),
    ]);
  });

  it.each([
    ['postgres', 'GRANT CONNECT ON DATABASE postgres TO "ROLE"', 'REVOKE CONNECT ON DATABASE postgres FROM "ROLE"'],
    ['template1', 'GRANT CONNECT ON DATABASE template1 TO "ROLE"', 'REVOKE CONNECT ON DATABASE template1 FROM "ROLE"'],
    ['CATALOG', 'GRANT CONNECT ON DATABASE CATALOG TO "ROLE"', 'REVOKE CONNECT ON DATABASE CATALOG FROM "ROLE"'],
  ])('reports the database %s, to which it may connect', async (name, damage, repair) => {
    const named = (text: string): string => text.replace('ROLE', role).replace('CATALOG', database.name);
    expect(await withDamage(named(damage), named(repair))).toMatchObject([
      { check: 'exposure', verdict: 'warn', message: `may connect to ${named(name)}` },
    ]);
  });

  it.each([
    ['temp_file_limit', '-1', 'temp_file_limit is -1'],
    ['log_statement', "'all'", 'the server logs the proofs of stamps: log_parameter_max_length'],
    ['log_min_duration_statement', '500', 'the server logs the proofs of stamps: log_parameter_max_length'],
    ['log_min_duration_sample', '500', 'the server logs the proofs of stamps: log_parameter_max_length'],
    ['log_transaction_sample_rate', '0.1', 'the server logs the proofs of stamps: log_parameter_max_length'],
    ['log_parameter_max_length_on_error', '64', 'log_parameter_max_length_on_error'],
    ['pgaudit.log_parameter', "'on'", 'pgaudit.log_parameter'],
    ['auto_explain.log_min_duration', "'1s'", 'auto_explain.log_parameter_max_length'],
  ])('reports %s = %s', async (setting, value, message) => {
    const damage = `ALTER ROLE "${role}" SET ${setting} = ${value}`;
    expect(await withDamage(damage, `ALTER ROLE "${role}" RESET ${setting}`)).toEqual([
      expect.objectContaining({ check: 'exposure', verdict: 'warn', message: expect.stringContaining(message) }),
    ]);
  });

  it('does not report logged statements whose parameters are left out', async () => {
    const damage = `ALTER ROLE "${role}" SET log_statement = 'all'; ALTER ROLE "${role}" SET log_parameter_max_length = 0`;
    expect(await withDamage(damage, `ALTER ROLE "${role}" RESET ALL`)).toEqual([]);
  });

  it('reports that it may read pg_stat_statements', async () => {
    // The extension needs to be preloaded to be of use, not to be created.
    const found = await withDamage(
      'CREATE EXTENSION pg_stat_statements SCHEMA public',
      'DROP EXTENSION pg_stat_statements',
      shared,
    );
    expect(found).toMatchObject([{ check: 'exposure', verdict: 'warn', message: 'may read pg_stat_statements' }]);
  });

  it("reports a trigger that runs with its owner's rights, which the pool accepts", async () => {
    const found = await withDamage(
      `CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER note AFTER INSERT ON shared.customers FOR EACH ROW EXECUTE FUNCTION public.note()`,
      'DROP FUNCTION public.note CASCADE',
      shared,
    );
    expect(found).toMatchObject([
      { check: 'exposure', verdict: 'warn', message: 'triggers bypass the policies: note()' },
    ]);
  });
});

describe('doctor on tenants', () => {
  it('reports a tenant behind the newest migration', async () => {
    const set = (version: string) => `UPDATE tenants SET schema_version = '${version}' WHERE slug = 'sick-schema'`;
    const found = await withDamage(set('CreateCustomers1764000000000'), set('CreateCountries1764000002000'));
    expect(found).toMatchObject([{ check: 'migrations', verdict: 'fail', remedy: 'npm run tenantry -- migrate' }]);
    expect(found[0]?.message).toContain('sick-schema');
  });

  it('reports a failed tenant that no worker will pick up', async () => {
    const set = (status: string) => `UPDATE tenants SET status = '${status}' WHERE slug = 'sick-schema'`;
    const found = await withDamage(set('failed'), set('active'));
    expect(found).toMatchObject([{ check: 'stuck', verdict: 'fail', subject: 'sick-schema' }]);
    expect(found[0]?.remedy).toMatch(/^operations retry /);
  });

  it('reports a tenant in maintenance that no operation explains, with the command that ends it', async () => {
    const set = (status: string) => `UPDATE tenants SET status = '${status}' WHERE slug = 'sick-schema'`;
    expect(await withDamage(set('maintenance'), set('active'))).toMatchObject([
      { check: 'stuck', verdict: 'warn', subject: 'sick-schema', remedy: 'tenants maintenance-end sick-schema' },
    ]);
  });

  it('reports a tenant whose operation has stopped its heartbeat', async () => {
    const damage = `UPDATE operations SET status = 'running', heartbeat_at = now() - interval '5 minutes', finished_at = NULL
      WHERE subject = 'sick-schema'`;
    const repair = `UPDATE operations SET status = 'succeeded', finished_at = now() WHERE subject = 'sick-schema'`;
    expect(await withDamage(damage, repair)).toMatchObject([
      { check: 'stuck', verdict: 'warn', subject: 'provision sick-schema', message: 'sends no heartbeat' },
    ]);
  });
});

describe('doctor after the catalog was restored from an older backup', () => {
  it('reports the database, role and schema of tenants that the catalog does not know', async () => {
    const lost = 'f'.repeat(32);
    await asSuperuser('postgres', `CREATE DATABASE ${database.name}_${lost}`);
    await asSuperuser('postgres', `CREATE ROLE ${database.name}_${lost}`);
    await asSuperuser('postgres', `COMMENT ON ROLE ${database.name}_${lost} IS 'login role of connection target x'`);
    try {
      const found = await withDamage(`CREATE SCHEMA t_${lost}`, `DROP SCHEMA t_${lost}`, shared);
      expect(found.map(({ check, verdict, message }) => [check, verdict, message])).toEqual(
        [`database ${database.name}_${lost}`, `login role ${database.name}_${lost}`, `schema t_${lost}`].map((what) => [
          ...['leftovers', 'warn', `the ${what} belongs to no tenant of the catalog`],
        ]),
      );
    } finally {
      await asSuperuser('postgres', `DROP DATABASE ${database.name}_${lost}`);
      await asSuperuser('postgres', `DROP ROLE ${database.name}_${lost}`);
    }
  });

  it('gives a remedy for a role that was rotated since, which mends it', async () => {
    const [before] = await database.admin(
      `SELECT role, password_sealed FROM connection_targets WHERE kind = 'dedicated'`,
    );
    await cli.json('rotate-credentials', '--tenant', 'sick-database');
    await database.admin(`UPDATE connection_targets SET role = $1, password_sealed = $2 WHERE kind = 'dedicated'`, [
      ...[before?.['role'], before?.['password_sealed']],
    ]);
    const found = await findings();
    const finding = found.find(({ check }) => check === 'leftovers');
    expect(finding).toMatchObject({
      verdict: 'fail',
      message: expect.stringContaining('older than the last rotation'),
    });
    const [, rename, rotate] = /: (ALTER ROLE .*?); then: (.*)$/.exec(finding?.remedy ?? '') ?? [];
    await asSuperuser('postgres', rename ?? '');
    await cli.json(...(rotate ?? '').split(' '));
    expect(await findings()).toEqual([]);
  });

  it.each(['\n', '\u202e'])('says where to find a role with %j in its name, instead of SQL', async (character) => {
    const lost = `"${database.name}_${character}"`;
    const comment = `COMMENT ON ROLE ${lost} IS 'login role of connection target x'`;
    const found = await withDamage(`CREATE ROLE ${lost}; ${comment}`, `DROP ROLE ${lost}`);
    expect(found).toMatchObject([{ check: 'leftovers', verdict: 'warn' }]);
    expect(found[0]?.remedy).toMatch(/has unprintable characters: find it in pg_roles, and drop it$/);
  });

  it('tells to rename a rotated role with a line break in its name before it is rotated again', async () => {
    const rotated = `"${database.name}_\n"`;
    const found = await withDamage(
      `ALTER ROLE "${role}" RENAME TO ${rotated}`,
      `ALTER ROLE ${rotated} RENAME TO "${role}"`,
    );
    expect(found.find(({ check }) => check === 'leftovers')?.remedy).toBe(
      'the name of the login role has unprintable characters: find it in pg_roles, and rename it first ' +
        'as connection_targets has it; then: rotate-credentials --server default',
    );
  });
});

describe('doctor on servers', () => {
  it('reports a server that does not answer, and checks the others', async () => {
    const port = await freePort();
    await database.admin(
      `INSERT INTO servers (id, name, host, port, owner_role, owner_password_sealed)
       SELECT gen_random_uuid(), 'gone', '127.0.0.1', ${port}, 'nobody', 'no.seal'`,
    );
    const found = await findings();
    await database.admin("DELETE FROM servers WHERE name = 'gone'");
    expect(found.map(({ check, subject }) => [check, subject])).toEqual([
      ['server', 'gone'],
      ['sealed-values', undefined],
    ]);
  });

  it('reports a limit of all instances that is above what the server has', async () => {
    await database.admin("UPDATE servers SET max_connections = 5000 WHERE name = 'default'");
    const found = await findings();
    await database.admin("UPDATE servers SET max_connections = NULL WHERE name = 'default'");
    expect(found).toMatchObject([{ check: 'server', verdict: 'fail', subject: 'default' }]);
    expect(found[0]?.message).toContain('5000');
  });

  it('foretells a rollout that will not fit, from what each instance needs at least', async () => {
    await database.admin("UPDATE servers SET max_connections = 18 WHERE name = 'default'"); // four are lent to none
    const add = (id: string): Promise<unknown> =>
      database.admin(
        `WITH added AS (INSERT INTO instances (id, name, pid, renewal) VALUES ($1, $1, 1, 1) RETURNING id)
         INSERT INTO connection_shares SELECT s.id, added.id, 7, 7, 7, 0, 0 FROM servers s, added WHERE s.name = 'default'`,
        [id],
      );
    await add('first');
    expect(await findings()).toEqual([]);
    await add('second');
    const found = await findings();
    await database.admin("DELETE FROM instances WHERE id IN ('first', 'second')");
    await database.admin("UPDATE servers SET max_connections = NULL WHERE name = 'default'");
    expect(found).toMatchObject([{ check: 'server', verdict: 'warn', subject: 'default' }]);
    expect(found[0]?.message).toContain('2 instances run, and 18 connections have room for 2');
  });

  it('reports a server whose owner role lacks required rights', async () => {
    const { host, port } = testServer();
    const weak = await createTestDatabase('doctor_weak');
    await weak.admin(
      `CREATE ROLE ${weak.name} LOGIN PASSWORD 'weak'; CREATE SCHEMA tenantry AUTHORIZATION ${weak.name}`,
    );
    const found = await findings({
      env: { DATABASE_URL: `postgres://${weak.name}:weak@${host}:${port}/${weak.name}` },
    });
    await weak.drop();
    await asSuperuser('postgres', `DROP ROLE ${weak.name}`);
    expect(found.map(({ message }) => message)).toEqual([
      'the role of DATABASE_URL lacks CREATEDB',
      'the role of DATABASE_URL lacks CREATEROLE',
      expect.stringMatching(/of its migrations did not run$/),
    ]);
  });
});

describe('doctor on a pooler', () => {
  // The console answers the roles that PgBouncer's settings admit.
  const pooled = async (adminUsers: readonly string[]): Promise<Finding[]> => {
    const pooler = await PgBouncer.start({ adminUsers });
    try {
      const ran = await cli.runAmid({ env: pooler.environment(database) }, 'doctor', '--json');
      return (ran.json as { findings: Finding[] }).findings.filter(({ check }) => check === 'pooler');
    } finally {
      await pooler.stop();
    }
  };

  it('reports a PgBouncer with known faults and without keepalive, where it may ask for the version', async () => {
    expect(await pooled([testServer().owner])).toEqual([
      expect.objectContaining({ verdict: 'warn', message: expect.stringMatching(/^PgBouncer 1\.[\d.]+ has faults$/) }),
      expect.objectContaining({
        verdict: 'warn',
        message: 'connections of a vanished client stay open for hours',
        remedy: expect.stringMatching(/tcp_keepidle = .*, tcp_user_timeout = .*client_connection_check_interval = /),
      }),
    ]);
  });

  it('says that the version is unchecked where it may not ask', async () => {
    expect(await pooled([])).toEqual([
      expect.objectContaining({ verdict: 'ok', message: expect.stringMatching(/version unchecked.*tcp_user_timeout/) }),
    ]);
  });
});

describe('doctor on encrypted values', () => {
  it('reports values that were encrypted with a former key', async () => {
    const ENCRYPTION_KEYS = `new:${randomBytes(32).toString('base64')},test:${KEY}`;
    const found = await findings({ env: { ENCRYPTION_KEYS } });
    expect(found).toMatchObject([{ check: 'sealed-values', verdict: 'warn', remedy: 'npm run tenantry -- reseal' }]);
  });

  it('reports values that no key decrypts', async () => {
    const found = await findings({ env: { ENCRYPTION_KEYS: `new:${randomBytes(32).toString('base64')}` } });
    expect(new Set(found.map(({ check }) => check))).toEqual(new Set(['login-role', 'sealed-values']));
  });
});

describe('doctor on the environment', () => {
  it('reports an unreachable catalog, and runs the other checks', async () => {
    const found = await findings({ env: { DATABASE_URL: `postgres://x:y@127.0.0.1:${await freePort()}/z` } });
    expect(found).toMatchObject([{ check: 'catalog', verdict: 'fail' }]);
  });

  it('reports a catalog that lacks migrations, without running them', async () => {
    const empty = await createTestDatabase('doctor_empty');
    const found = await findings({ env: { DATABASE_URL: empty.url } });
    expect(await empty.admin("SELECT to_regclass('tenants') IS NULL AS untouched")).toEqual([{ untouched: true }]);
    await empty.drop();
    expect(found).toMatchObject([{ check: 'catalog', verdict: 'fail' }]);
  });

  it('reports a catalog that is in another schema than the configured one, with the value to set', async () => {
    const [found] = await findings({ env: { CATALOG_SCHEMA: 'control' } });
    expect(found).toEqual({
      ...{ check: 'catalog', verdict: 'fail', remedy: 'set CATALOG_SCHEMA=tenantry' },
      message: 'CATALOG_SCHEMA is "control", but the catalog of this database is in the schema "tenantry"',
    });
  });

  it('reports a Redis that is down, down but not configured, or never evicts', async () => {
    const away = String(await freePort());
    expect(await findings({ env: { REDIS_PORT: away } })).toMatchObject([{ check: 'redis', verdict: 'fail' }]);
    const unconfigured = { ENABLE_REDIS_CACHE: '', REDIS_HOST: '', REDIS_PORT: away };
    expect(await findings({ env: unconfigured })).toEqual([]);
    await redis.send('CONFIG', 'SET', 'maxmemory', '10mb');
    await redis.send('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    const found = await findings();
    await redis.send('CONFIG', 'SET', 'maxmemory', '0');
    expect(found).toMatchObject([{ check: 'redis', verdict: 'warn' }]);
  });

  it('reports a configuration that is invalid, or unsafe in production', async () => {
    const invalid = await findings({ env: { DB_POOL_SIZE: 'many', PORT: '-1' } });
    expect(invalid.map(({ subject }) => subject)).toEqual(['PORT', 'DB_POOL_SIZE']);
    const open = await findings({
      env: { NODE_ENV: 'production', METRICS_PUBLIC: 'true', ENABLE_DEMO_TENANTS: 'true' },
    });
    expect(open.map(({ subject, verdict }) => [subject, verdict])).toEqual([
      ['ENABLE_DEMO_TENANTS', 'fail'],
      ['METRICS_PUBLIC', 'warn'],
      ['REDIS_PASSWORD', 'warn'],
    ]);
  });

  it('reports a secrets file that other users can read', async () => {
    const path = join(folder, 'secrets.json');
    await writeFile(path, '{}');
    await chmod(path, 0o644);
    const found = await findings();
    await rm(path);
    expect(found).toMatchObject([{ check: 'configuration', verdict: 'fail', remedy: `chmod 600 ${path}` }]);
  });

  it('reports a server that accepts the connection and never answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const id = randomUUID();
    const ring = new KeyRing(loadConfig({ env: cli.env, cwd: folder }).config);
    await database.admin(
      `INSERT INTO servers (id, name, host, port, owner_role, owner_password_sealed)
       VALUES ($1, 'silent', '127.0.0.1', $2, 'nobody', $3)`,
      [id, port, ring.encrypt('secret', ownerPasswordContext(id))],
    );
    const found = await findings({ env: { DB_CONNECT_TIMEOUT: '1' } });
    await database.admin("DELETE FROM servers WHERE name = 'silent'");
    silent.close();
    expect(found).toMatchObject([{ check: 'server', verdict: 'fail', subject: 'silent' }]);
  });
});
