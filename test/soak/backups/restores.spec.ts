import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeFinishedRestores, describeRestores, RestoredTenant } from '../../contracts/restored-tenants.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser, createTestDatabase } from '../../support/postgres/postgres.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { registerServer } from '../../support/postgres/other-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { hashAt } from '../../support/restores/numbered-rows.js';
import { type Json, TestApp, type TestTenant } from '../../support/test-app.js';

const LONGEST_MS = 5 * 60_000;
/** The version of the sample's tables before the newest one, which makes countries. */
const OLDER = 'CreateOrders1764000001000';
const TEN_TIMES_MS = 10 * 60_000;

let folder: string;
let instances: [TestApp, TestApp];
let other: PrivatePostgres | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  const env = { BACKUP_URL: pathToFileURL(folder).href };
  const database = await createTestDatabase('catalog');
  instances = [await TestApp.over(database, env), await TestApp.over(database, env)];
});
afterAll(async () => {
  await instances[1].stop();
  await instances[0].dispose();
  await other?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['row', 'schema', 'database'] as const)(
  'over a tenant with isolation %s, on two instances',
  (isolation) => {
    let tenant: RestoredTenant;

    beforeAll(async () => {
      tenant = await RestoredTenant.of(isolation, instances);
    }, LONGEST_MS);
    afterAll(async () => {
      await tenant.rows.stop().catch(() => undefined);
    });

    describeRestores(() => tenant, LONGEST_MS);
    describeFinishedRestores(() => tenant, LONGEST_MS);
  },
);

describe('a restore', () => {
  let tenant: RestoredTenant;
  let admin: AdminClient;

  beforeAll(async () => {
    admin = new AdminClient(instances[0]);
    tenant = await RestoredTenant.of('schema', instances);
    other = await PrivatePostgres.start();
    const login = { ...other.address, owner: 'tenantry', ownerPassword: PASSWORDS.owner };
    await registerServer(instances[0], 'other', login);
  }, LONGEST_MS);
  afterAll(async () => {
    await tenant.rows.stop().catch(() => undefined);
  });

  /** Schemas of tenants and of operations in the shared database. */
  const schemas = async (): Promise<string[]> => {
    const { database } = await tenant.view();
    const found = await asSuperuser<{ name: string }>(
      database,
      `SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^[ti]_[0-9a-f]{32}$' ORDER BY 1`,
    );
    return found.map(({ name }) => name);
  };

  it.each(['copy', 'compare', 'open-gates'])(
    'that was cancelled (%s) leaves the tenant where it is, and nothing of the restore',
    async (step) => {
      const before = [await tenant.view(), await schemas()];
      const { headers } = await tenant.requestRestore();
      const location = headers.get('location') ?? '';
      await soon(async () => {
        const { steps } = (await admin.get(location)).body;
        expect(steps.find(({ name }: Json) => name === step).status).not.toBe('pending');
      });
      await admin.send('POST', `${location}/cancel`);
      expect(await admin.ended(location)).toMatchObject({ status: 'cancelled' });
      await tenant.hasNoMove();
      const [{ schema }] = before as [Json];
      expect(await tenant.view()).toMatchObject({ schema, status: 'active', isolation: 'schema' });
      expect(await schemas()).toEqual(before[1]);
      await tenant.rows.more();
    },
    LONGEST_MS,
  );

  const statusOf = async (request: string): Promise<number> => {
    const [method = '', path = ''] = request.split(' ');
    return (await tenant.request(method, path)).status;
  };

  it(
    'of a tenant in maintenance, and of a suspended one, leaves it so',
    async () => {
      for (const [begin, end, became] of [
        ['PUT /maintenance', 'DELETE /maintenance', 'maintenance'],
        ['POST /suspend', 'POST /resume', 'suspended'],
      ] as const) {
        await tenant.rows.stop();
        expect(await statusOf(begin)).toBe(200);
        await tenant.restore();
        const place = await tenant.view();
        expect(place).toMatchObject({ status: became });
        expect(await hashAt(place, tenant.backedUp)).toEqual(tenant.hash);
        await tenant.operate('move/back');
        expect(await tenant.view()).toMatchObject({ status: became, schema: tenant.former.schema });
        await tenant.hasNoMove();
        expect(await statusOf(end)).toBe(200);
        tenant.rows.start();
        await tenant.rows.more();
      }
    },
    LONGEST_MS,
  );

  it(
    'is named by doctor until it is finished, and what it has left belongs to the tenant',
    async () => {
      const cli = new Cli(instances[0].env);
      const findings = async (check: string): Promise<Json[]> => {
        const { json } = await cli.run('doctor', '--json');
        return (json as Json).findings.filter((finding: Json) => finding.check === check);
      };
      await tenant.restore();
      const { slug } = tenant.tenant;
      expect(await findings('stuck')).toEqual([
        expect.objectContaining({
          ...{ verdict: 'warn', subject: slug, message: expect.stringContaining('was restored from a backup') },
          remedy: `tenants move-finish ${slug}, or: tenants move-back ${slug}`,
        }),
      ]);
      expect(await findings('leftovers')).toEqual([expect.objectContaining({ verdict: 'ok' })]);
      await tenant.operate('move/back');
      await tenant.hasNoMove();
    },
    LONGEST_MS,
  );

  it.each([
    { isolation: 'row' },
    { isolation: 'database' },
    { server: 'other' },
    { isolation: 'row', server: 'other' },
  ])(
    'goes where it is told to, %j, and is taken back',
    async (place) => {
      await tenant.rows.stop();
      const before = await hashAt(await tenant.view(), tenant.rows.acknowledged);
      const { result } = await tenant.restore(place);
      const view = await tenant.view();
      expect(view).toMatchObject({ isolation: 'schema', server: 'default', status: 'active', ...place });
      const [first, second] = tenant.backedUp as [number, number];
      expect(result.rows).toBe(first + second + 3); // a customer, an order and its line
      if (!('server' in place)) expect(await hashAt(view, tenant.backedUp)).toEqual(tenant.hash);
      tenant.rows.start();
      await tenant.rows.more();
      const until = tenant.rows.acknowledged;
      await tenant.rows.stop();
      await tenant.operate('move/back');
      await tenant.hasNoMove();
      const after = await tenant.view();
      expect(after).toMatchObject({ isolation: 'schema', server: 'default', status: 'active' });
      expect(await hashAt(after, until)).toEqual(before);
      tenant.rows.start();
    },
    LONGEST_MS,
  );

  it(
    'is done and taken back by the command line, which says what that means',
    async () => {
      const cli = new Cli(instances[0].env);
      const restored = await cli.run('backups', 'restore', tenant.backup);
      expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining(tenant.tenant.slug) });
      expect(restored.stderr).toContain('"tenants move-back" brings them back, and drops what is written meanwhile');
      const back = await cli.run('tenants', 'move-back', tenant.tenant.slug);
      expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining('Dropped: what was written since') });
      await tenant.hasNoMove();
      const { stdout: help } = await cli.run('backups', 'restore', '--help');
      expect(help).toContain('drops what was written since the restore');
    },
    LONGEST_MS,
  );

  it(
    'is taken back after a migration of the tenant: its former tables are migrated as well',
    async () => {
      await tenant.rows.stop();
      const { database, schema, schemaVersion } = await tenant.view();
      await tenant.restore();
      // The former tables are now as if the newest migration had come since.
      await asSuperuser(
        database,
        `ALTER TABLE "${schema}".customers DROP COLUMN country; DROP TABLE "${schema}".countries;
         DELETE FROM "${schema}".schema_migrations WHERE name = '${schemaVersion}'`,
      );
      await tenant.operate('move/back');
      expect(await tenant.view()).toMatchObject({ schema, schemaVersion, status: 'active' });
      await asSuperuser(database, `SELECT country FROM "${schema}".customers, "${schema}".countries`);
      await tenant.hasNoMove();
      tenant.rows.start();
      await tenant.rows.more();
    },
    LONGEST_MS,
  );

  it(
    'that is taken back ten times under load leaves every row that was not dropped',
    async () => {
      await tenant.rows.stop();
      const formerly = (await tenant.rows.stored(await tenant.view())).map(({ length }) => length);
      tenant.rows.start();
      for (let n = 0; n < 10; n += 1) {
        await tenant.restore();
        await tenant.rows.more();
        await tenant.operate('move/back');
        await tenant.rows.more();
        await tenant.hasNoMove();
      }
      await tenant.rows.stop();
      const stored = await tenant.rows.stored(await tenant.view());
      // Between two ranges are the rows that were written while the tenant was restored.
      for (const [n, ranges] of stored.entries()) {
        expect(ranges).toHaveLength(formerly[n]! + 10);
        expect([ranges[0]![0], ranges.at(-1)![1]]).toEqual([0, tenant.rows.acknowledged[n]! - 1]);
      }
      tenant.rows.start();
    },
    TEN_TIMES_MS,
  );
});

describe('a backup of an older version', () => {
  let admin: AdminClient;
  let backup: string;
  let tenant: TestTenant;

  beforeAll(async () => {
    admin = new AdminClient(instances[0]);
    tenant = await instances[0].provision('older', 'schema');
    const body = { name: 'First', email: 'first@example.com' };
    await instances[0].call('/api/v1/customers', { method: 'POST', apiKey: tenant.apiKey, body });
    const { database, schema, schemaVersion } = (await admin.get('/tenants/older')).body;
    await asSuperuser(
      database,
      `ALTER TABLE "${schema}".customers DROP COLUMN country; DROP TABLE "${schema}".countries`,
    );
    await asSuperuser(database, `DELETE FROM "${schema}".schema_migrations WHERE name = $1`, [schemaVersion]);
    await instances[0].database.admin(
      `UPDATE tenants SET schema_version = '${OLDER}', migration_set = NULL WHERE slug = 'older'`,
    );
    backup = (await ended('/backups', { tenant: 'older' })).result.backup;
  }, LONGEST_MS);

  async function ended(path: string, body: object = {}): Promise<Json> {
    const { headers } = await admin.send('POST', path, { body });
    return admin.ended(headers.get('location'));
  }

  it(
    'is not restored over a tenant whose tables are not migrated, which stays as it is',
    async () => {
      const { status, body } = await admin.send('POST', `/backups/${backup}/restore`, { body: {} });
      expect([status, body.code]).toEqual([409, 'MIGRATION_REQUIRED']);
      const moves = await instances[0].database.admin('SELECT state FROM moves WHERE tenant_id = $1', [tenant.id]);
      expect(moves).toEqual([]);
    },
    LONGEST_MS,
  );

  it(
    'is restored as it would be today',
    async () => {
      expect(await ended('/operations', { kind: 'migrate' })).toMatchObject({ status: 'succeeded' });
      expect(await ended(`/backups/${backup}/restore`)).toMatchObject({ status: 'succeeded', result: { rows: 1 } });
      const { apiKey } = tenant;
      const { body } = await instances[0].call('/api/v1/customers', { apiKey });
      expect(body.items).toEqual([expect.objectContaining({ name: 'First' })]);
      const { database, schema, schemaVersion } = (await admin.get('/tenants/older')).body;
      expect(schemaVersion).not.toBe(OLDER);
      expect(await asSuperuser(database, `SELECT name, country FROM "${schema}".customers`)).toEqual([
        { name: 'First', country: null },
      ]);
    },
    LONGEST_MS,
  );
});
