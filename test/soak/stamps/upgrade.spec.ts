import { loadConfig } from '../../../src/platform/config/load-config.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { REFERENCE_POLICY } from '../../../src/database/isolation/reference-policy.js';
import { FORMER_POLICY, TENANT_POLICIES } from '../../../src/database/isolation/tenant-policies.js';
import { sampleSchema } from '../../support/sample-schema.js';
import { diagnose } from '../../../src/doctor/doctor.js';
import { newestMigration, timestampOf } from '../../../src/database/table-migrations/versions/migration-names.js';
import { TenantConnectionService } from '../../../src/tenant/context/tenant-connection.service.js';
import { TenantContext } from '../../../src/tenant/context/tenant-context.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

const ISOLATIONS = ['row', 'schema', 'database'] as const;
const FORMER_CONDITION = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`;

let app: TestApp;
let tenants: TestTenant[];

beforeAll(async () => {
  app = await TestApp.start();
  tenants = [];
  for (const isolation of ISOLATIONS) {
    const tenant = await app.provision(`upgraded-${isolation}`, isolation);
    tenants.push(tenant);
    await app.call('/api/v1/customers', {
      method: 'POST',
      apiKey: tenant.apiKey,
      body: { name: isolation, email: `${isolation}@example.com` },
    });
  }
});

afterAll(() => app.dispose());

interface Target {
  readonly database: string;
  readonly role: string;
}

function targets(): Promise<Target[]> {
  return app.database.admin<Target & Record<string, unknown>>(
    'SELECT database, role FROM connection_targets ORDER BY id',
  );
}

/** Runs `work` as the owner in every database with tenants. */
async function asOwner(work: (client: pg.Client, target: Target) => Promise<void>): Promise<void> {
  for (const target of await targets()) {
    const url = new URL(app.database.url);
    url.pathname = `/${target.database}`;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      await work(client, target);
    } finally {
      await client.end();
    }
  }
}

/** The connection to the catalog over which each instance of the former release is notified. */
async function notified(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: app.database.url, application_name: 'tenantry notifications' });
  await client.connect();
  return client;
}

/** What doctor finds wrong with the stamps. */
async function stampFindings(): Promise<string[]> {
  const findings = await diagnose({
    loadConfig: () => loadConfig({ env: app.env, cwd: '/' }),
    schema: sampleSchema,
  });
  return findings.filter(({ check, verdict }) => check === 'stamps' && verdict !== 'ok').map(({ message }) => message);
}

async function run(body: object): Promise<Json> {
  const asked = await app.call('/admin/v1/operations', { method: 'POST', apiKey: ADMIN_KEY, body });
  expect(asked.status).toBe(202);
  let operation: Json;
  await soon(async () => {
    operation = (await app.call(`/admin/v1/operations/${asked.body.id}`, { apiKey: ADMIN_KEY })).body;
    expect(['succeeded', 'failed']).toContain(operation.status);
  });
  return operation;
}

async function names(): Promise<unknown[]> {
  const lists = await Promise.all(tenants.map(({ apiKey }) => app.call('/api/v1/customers', { apiKey })));
  return lists.map(({ body }) => body.items.map(({ name }: { name: string }) => name));
}

/** Everything as a former release leaves it: its policy, no functions, no keys, and no record of them in the catalog. */
async function makeFormer(): Promise<void> {
  await app.database.admin('UPDATE connection_targets SET stamp_key_sealed = NULL, stamps_enforced = false');
  await app.database.admin('UPDATE tenants SET policy_version = 0');
  await asOwner(async (client) => {
    const { rows } = await client.query<{ table: string }>(
      `SELECT DISTINCT polrelid::regclass::text AS table FROM pg_policy WHERE polname = 'tenant_select'`,
    );
    for (const { table } of rows) {
      const drop = TENANT_POLICIES.map(({ name }) => `DROP POLICY ${name} ON ${table}`).join('; ');
      await client.query(
        `BEGIN; ${drop}; CREATE POLICY ${FORMER_POLICY} ON ${table} USING (${FORMER_CONDITION}); COMMIT`,
      );
    }
    await client.query('DROP SCHEMA tenantry_isolation CASCADE');
  });
}

describe('an installation of a former release', () => {
  beforeAll(makeFormer);

  it('is served as it is', async () => {
    expect(await names()).toEqual(ISOLATIONS.map((isolation) => [isolation]));
  });

  it('refuses to enforce stamps before its tables are migrated', async () => {
    expect(await run({ kind: 'enforce-stamps' })).toMatchObject({ status: 'failed', error: { code: 'TABLES_BEHIND' } });
  });

  it('gets policies, functions and keys from a fleet migration, and still accepts stamps without a proof', async () => {
    expect(await run({ kind: 'migrate' })).toMatchObject({ status: 'succeeded', result: { migrated: 3, tenants: 3 } });
    await asOwner(async (client) => {
      const { rows } = await client.query('SELECT DISTINCT polname AS name FROM pg_policy ORDER BY 1');
      expect(rows.map(({ name }) => name as unknown)).toEqual(
        [REFERENCE_POLICY, ...TENANT_POLICIES.map(({ name }) => name)].toSorted(),
      );
      expect((await client.query('SELECT FROM tenantry_isolation.keys')).rowCount).toBe(1);
    });
    expect(await names()).toEqual(ISOLATIONS.map((isolation) => [isolation]));
    expect(await run({ kind: 'migrate' })).toMatchObject({ result: { migrated: 0 } });
  });

  it('leaves the creation and migration of tables to instances that know the policies', async () => {
    const newest = timestampOf(newestMigration(sampleSchema.migrations)); // what a former instance has the code for
    const rows = await app.database.admin<{ kind: string }>(
      'SELECT DISTINCT kind FROM operations WHERE required_code > $1 ORDER BY kind',
      [newest],
    );
    expect(rows.map(({ kind }) => kind)).toEqual(['migrate', 'provision']);
  });

  it('refuses to enforce stamps while an instance of that release is connected', async () => {
    const [shared] = await app.database.admin<Target & Record<string, unknown>>(
      "SELECT database, role FROM connection_targets WHERE kind = 'shared'",
    );
    const password = 'former';
    await asOwner(async (client, { role }) => {
      if (role === shared?.role) await client.query(`ALTER ROLE "${role}" PASSWORD '${password}'`);
    });
    const { host, port } = targetOfUrl(app.database.url, 'test').server;
    const former = new pg.Client({
      host,
      port,
      user: shared?.role ?? '',
      password,
      database: shared?.database ?? '',
      application_name: 'tenantry',
    });
    await former.connect();
    const failed = await run({ kind: 'enforce-stamps' });
    await former.end();
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'FORMER_INSTANCES' } });
    const [target] = await app.database.admin<{ n: number }>(
      'SELECT count(*)::int AS n FROM connection_targets WHERE stamps_enforced',
    );
    expect(target?.n).toBe(0);
  });

  it('refuses to enforce stamps while an instance of that release is idle, and doctor counts it', async () => {
    const idle = await notified();
    try {
      expect(await run({ kind: 'enforce-stamps' })).toMatchObject({ error: { code: 'FORMER_INSTANCES' } });
      expect(await stampFindings()).toEqual([
        expect.stringContaining('0 sessions and 1 instances of a former release'),
        expect.stringContaining('0 sessions and 1 instances of a former release'),
      ]);
    } finally {
      await idle.end();
    }
  });

  it('refuses stamps without a proof once that is enforced', async () => {
    await soon(async () => expect(await run({ kind: 'enforce-stamps' })).toMatchObject({ result: { databases: 2 } }));
    expect(await names()).toEqual(ISOLATIONS.map((isolation) => [isolation]));
    await asOwner(async (client, { role }) => {
      await client.query(`GRANT "${role}" TO CURRENT_USER WITH INHERIT TRUE, SET TRUE; SET ROLE "${role}"`);
      for (const { id, schema } of tenants) {
        await client.query(`SELECT set_config('app.tenant_id', $1, false)`, [id]);
        const { rows } = await client.query('SELECT to_regclass($1) AS found', [`${schema}.customers`]);
        if (rows[0].found) expect((await client.query(`SELECT FROM ${schema}.customers`)).rowCount).toBe(0);
      }
      await client.query(`RESET ROLE; REVOKE "${role}" FROM CURRENT_USER`);
    });
  });

  it('is reported when an instance of that release is started after that', async () => {
    const started = await notified();
    const findings = await stampFindings();
    await started.end();
    expect(findings).toEqual(Array(2).fill(expect.stringContaining('which find no rows')));
  });

  it('creates further databases that enforce stamps', async () => {
    const late = await app.provision('late', 'database');
    const [target] = await app.database.admin<{ enforced: boolean }>(
      'SELECT stamps_enforced AS enforced FROM connection_targets c JOIN tenants t ON t.target_id = c.id WHERE t.id = $1',
      [late.id],
    );
    expect(target).toEqual({ enforced: true });
  });
});

describe('a rotation of the key', () => {
  it('keeps the former key for as long as a transaction that may be stamped with it', async () => {
    const [tenant] = tenants as [TestTenant];
    const service = app.application.nest.get(TenantConnectionService);
    await service.run(tenant, async () => {
      const runner = app.application.nest.get(TenantContext).current().dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.query('SELECT 1');
      const body = { kind: 'rotate-stamp-key', server: 'default', graceSeconds: 0 };
      const asked = await app.call('/admin/v1/operations', { method: 'POST', apiKey: ADMIN_KEY, body });
      const state = async (): Promise<Json> =>
        (await app.call(`/admin/v1/operations/${asked.body.id}`, { apiKey: ADMIN_KEY })).body;
      await soon(async () => expect((await state()).steps).toContainEqual({ name: 'drain', status: 'running' }));
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(await runner.query('SELECT name FROM customers')).toEqual([{ name: 'row' }]);
      expect((await state()).steps).toContainEqual({ name: 'drain', status: 'running' });
      await runner.commitTransaction();
      await runner.release();
      await soon(async () => expect((await state()).status).toBe('succeeded'));
    });
  });

  it('lets a session that began before go on', async () => {
    const [tenant] = tenants as [TestTenant];
    const service = app.application.nest.get(TenantConnectionService);
    await service.run(tenant, () =>
      service.session(
        async (session) => {
          const names = async (): Promise<unknown> => (await session.query('SELECT name FROM customers')).rows;
          expect(await names()).toEqual([{ name: 'row' }]);
          const rotated = await run({ kind: 'rotate-stamp-key', server: 'default', graceSeconds: 0 });
          expect(rotated).toMatchObject({ status: 'succeeded' });
          await soon(async () => expect(await names()).toEqual([{ name: 'row' }]));
          await session.query('BEGIN');
          await session.query('ROLLBACK');
          expect(await names()).toEqual([{ name: 'row' }]);
        },
        { isUnlimited: true },
      ),
    );
  });

  it.each([{ server: 'default' }, { tenant: 'upgraded-database' }])(
    'signs with another key, and leaves no other one valid (%o)',
    async (subject) => {
      const keys = async (): Promise<unknown[]> => {
        const found: unknown[] = [];
        await asOwner(async (client, { database }) => {
          const { rows } = await client.query(
            `SELECT encode(inner_block, 'hex') AS block FROM tenantry_isolation.keys`,
          );
          found.push({ database, blocks: rows.map(({ block }) => block as unknown) });
        });
        return found;
      };
      const before = await keys();
      const rotated = await run({ kind: 'rotate-stamp-key', ...subject, graceSeconds: 0 });
      expect(rotated).toMatchObject({ status: 'succeeded' });
      const after = await keys();
      const changed = after.filter((database, index) => JSON.stringify(database) !== JSON.stringify(before[index]));
      expect(changed).toEqual([{ database: rotated.result.database, blocks: [expect.any(String)] }]);
      expect(await names()).toEqual(ISOLATIONS.map((isolation) => [isolation]));
    },
  );
});
