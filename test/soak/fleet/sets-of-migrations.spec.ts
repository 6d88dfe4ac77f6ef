import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { MigrationUnits } from '../../../src/admin/fleet-migrations/migration-units.js';
import { FleetPreview } from '../../../src/admin/fleet-migrations/fleet-preview.js';
import { previewRequest } from '../../../src/admin/fleet-migrations/fleet-migration.schemas.js';
import { diagnose } from '../../../src/doctor/doctor.js';
import { type LoadedConfig, loadConfig } from '../../../src/platform/config/load-config.js';
import {
  ADD_BODY,
  ADD_TITLE,
  CREATE_NOTES,
  firstRelease,
  Note,
  secondRelease,
} from '../../support/fleet/notes-release.js';
import { Cli } from '../../support/cli/cli.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, dropEverything, TestApp, type TestTenant } from '../../support/test-app.js';
import { soon } from '../../support/load/soon.js';

let database: TestDatabase;
let former: TestApp;
let newer: TestApp;
const tenants: TestTenant[] = [];

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  former = await TestApp.over(database, {}, undefined, firstRelease());
  for (const isolation of ['row', 'schema', 'database'] as Isolation[]) {
    tenants.push(await former.provision(`in-${isolation}`, isolation));
  }
  await former.provision('also-in-row', 'row');
  newer = await TestApp.over(database, {}, undefined, secondRelease());
});
afterAll(async () => {
  await former.stop();
  await newer.stop();
  await dropEverything(database);
});

const statuses = (app: TestApp): Promise<number[]> =>
  Promise.all(tenants.map(async ({ apiKey }) => (await app.call('/api/v1/notes', { apiKey })).status));

async function migrate(app: TestApp, request: object = {}) {
  const { body } = await app.call('/admin/v1/operations', {
    ...{ method: 'POST', apiKey: ADMIN_KEY, body: { kind: 'migrate', ...request } },
  });
  await soon(async () => expect((await operation(app, body.id)).finishedAt).not.toBeNull());
  return operation(app, body.id);
}

async function readiness(app: TestApp): Promise<unknown[]> {
  const { status, body } = await app.call('/health/ready');
  return [status, body.details.tenantTables];
}

async function operation(app: TestApp, id: string) {
  return (await app.call(`/admin/v1/operations/${id}`, { apiKey: ADMIN_KEY })).body;
}

const MIGRATIONS = [CREATE_NOTES, ADD_TITLE, ADD_BODY];
const LATE_NOTE =
  'AddTitle1764000000002 runs after AddBody1764000000003, which is newer: check that it does not need the order';

async function findings() {
  const loaded = (): LoadedConfig => loadConfig({ env: newer.env, cwd: newer.env['DATA_DIR']! });
  const found = await diagnose({ loadConfig: loaded, schema: { entities: [], migrations: MIGRATIONS } });
  return found.filter(({ check }) => check === 'migrations');
}

describe('a migration that is merged late, with an older number than one that tenants have', () => {
  it('runs for the tenants that exist, of every isolation, which its code does not serve before', async () => {
    expect(await statuses(former)).toEqual([200, 200, 200]);
    expect(await statuses(newer)).toEqual([503, 503, 503]);
    expect(await readiness(newer)).toMatchObject([
      503,
      { active: 4, behind: 4, message: expect.stringContaining('migrate') },
    ]);
    expect(await readiness(former)).toEqual([200, { status: 'up' }]);
    const preview = await newer.application.nest.get(FleetPreview).preview(previewRequest.parse({}));
    expect(preview).toMatchObject({ units: 3, versions: [{ from: 'AddBody1764000000003' }] });
    expect(preview.versions[0]?.migrations.map((step) => step.migration)).toEqual(['AddTitle1764000000002']);

    // It may presuppose the order.
    expect(preview.versions[0]?.late).toEqual([{ migration: 'AddTitle1764000000002', after: 'AddBody1764000000003' }]);
    expect(await findings()).toContainEqual({
      ...{ check: 'migrations', verdict: 'warn', message: LATE_NOTE },
      remedy: 'npm run tenantry -- migrate --dry-run',
    });
    const cli = new Cli(newer.env, { entities: [Note], migrations: MIGRATIONS });
    expect((await cli.run('migrate', '--dry-run')).stdout).toContain(`-- ${LATE_NOTE}\n`);
    expect((await cli.run('migrate', '--no-wait', '--tenant', 'in-database')).stderr).toContain(`${LATE_NOTE}\n`);
    await soon(async () => expect(await statuses(newer)).toEqual([503, 503, 200]));

    // A row tenant shares its tables, so the others in them are migrated with it, as is said before and in the result.
    const shared = await newer.application.nest.get(MigrationUnits).sharedBy(['in-row', 'in-schema']);
    expect(shared).toEqual([{ slug: 'in-row', server: 'default', tenants: 2 }]);
    const canary = { tenants: ['in-row'] };
    expect((await migrate(newer, { tenants: ['in-row'], canary })).result).toMatchObject({
      canary: { units: 1, tenants: 2 },
      tenants: 2,
    });
    await soon(async () =>
      expect(await readiness(newer)).toMatchObject([200, { status: 'degraded', active: 4, behind: 1 }]),
    );
    expect(await migrate(newer)).toMatchObject({ status: 'succeeded', result: { migrated: 1, failed: 0 } });
    await soon(async () => expect(await statuses(newer)).toEqual([200, 200, 200]));
    await soon(async () => expect(await readiness(newer)).toEqual([200, { status: 'up' }]));
    expect(await statuses(former)).toEqual([200, 200, 200]); // what its code does not know is only reported
    expect(await migrate(newer)).toMatchObject({ status: 'succeeded', result: { units: 0 } });
  });
});

describe('an older dump that was restored over a schema', () => {
  const LATE = 'AddTitle1764000000002';

  async function restore({ id }: TestTenant): Promise<void> {
    const [place] = await database.admin<{ database: string; schema: string }>(
      `SELECT c.database, t.schema_name AS schema FROM tenants t JOIN connection_targets c ON c.id = t.target_id
       WHERE t.id = $1`,
      [id],
    );
    const { database: name, schema } = place!;
    await asSuperuser(name, `ALTER TABLE "${schema}".notes DROP COLUMN title`);
    await asSuperuser(name, `DELETE FROM "${schema}".schema_migrations WHERE name = '${LATE}'`);
  }

  it('is named by doctor, which gives the command that mends it', async () => {
    expect(await findings()).toMatchObject([{ verdict: 'ok' }]);
    await restore(tenants[1]!);
    expect(await statuses(newer)).toEqual([200, 500, 200]);
    expect(await findings()).toMatchObject([
      {
        verdict: 'fail',
        message: expect.stringContaining(LATE),
        remedy: 'npm run tenantry -- migrate --tenant in-schema',
      },
    ]);
    const request = previewRequest.parse({ tenants: ['in-schema'] });
    const preview = await newer.application.nest.get(FleetPreview).preview(request);
    expect(preview.versions.map(({ migrations }) => migrations.map((step) => step.migration))).toEqual([[LATE]]);
    expect(await migrate(newer, { tenants: ['in-schema'] })).toMatchObject({
      status: 'succeeded',
      result: { migrated: 1 },
    });
    expect(await statuses(newer)).toEqual([200, 200, 200]);
    expect(await findings()).toMatchObject([{ verdict: 'ok' }]);
  });

  it('is found in the whole fleet when the migration is asked to verify', async () => {
    await restore(tenants[0]!);
    await restore(tenants[2]!);
    // The catalog takes all tenants for up to date; tables that are looked at as a sample do not fit the entities.
    const error = { code: 'ENTITY_TABLES_DIFFER' };
    expect(await migrate(newer)).toMatchObject({ status: 'failed', error, result: { units: 0 } });
    expect(await statuses(newer)).toEqual([500, 200, 500]);
    expect(await migrate(newer, { verify: true })).toMatchObject({ status: 'succeeded', result: { migrated: 3 } });
    expect(await statuses(newer)).toEqual([200, 200, 200]);
  });
});
