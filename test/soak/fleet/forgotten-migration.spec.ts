import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { FleetPreview } from '../../../src/admin/fleet-migrations/fleet-preview.js';
import { previewRequest } from '../../../src/admin/fleet-migrations/fleet-migration.schemas.js';
import { diagnose } from '../../../src/doctor/doctor.js';
import { loadConfig, type LoadedConfig } from '../../../src/platform/config/load-config.js';
import { firstRelease, Note, notesRelease, FIRST_MIGRATIONS } from '../../support/fleet/notes-release.js';
import { Cli } from '../../support/cli/cli.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, dropEverything, TestApp } from '../../support/test-app.js';
import { soon } from '../../support/load/soon.js';

const DIFFERENCE = 'column notes.title is missing (entity Note maps it as text)';

let database: TestDatabase;
let former: TestApp;
let forgetful: TestApp;
let log = '';

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  former = await TestApp.over(database, {}, undefined, firstRelease());
  await former.provision('acme', 'row');
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const release = notesRelease(Note, FIRST_MIGRATIONS);
  forgetful = await TestApp.over(database, { LOG_LEVEL: 'error' }, output, release);
});
afterAll(async () => {
  await stopFormer();
  await forgetful.stop();
  await dropEverything(database);
});

let isFormerStopped = false;

async function stopFormer(): Promise<void> {
  if (isFormerStopped) return;
  isFormerStopped = true;
  await former.stop();
}

describe('an entity whose migration was forgotten', () => {
  it('is named in the log at the start, and readiness is degraded', async () => {
    await soon(async () => expect(log).toContain(DIFFERENCE));
    const { status, body } = await forgetful.call('/health/ready');
    expect([status, body.details.tenantTables]).toMatchObject([200, { status: 'degraded', differences: 1 }]);
    expect((await former.call('/health/ready')).body.details.tenantTables).toEqual({ status: 'up' });
  });

  it('is named by doctor', async () => {
    const loaded = (): LoadedConfig => loadConfig({ env: forgetful.env, cwd: forgetful.env['DATA_DIR']! });
    const found = await diagnose({ loadConfig: loaded, schema: { entities: [Note], migrations: FIRST_MIGRATIONS } });
    expect(found.filter(({ check }) => check === 'entities')).toMatchObject([{ verdict: 'fail', message: DIFFERENCE }]);
  });

  it('is named by the preview of a migration that has nothing to do', async () => {
    const preview = await forgetful.application.nest.get(FleetPreview).preview(previewRequest.parse({}));
    expect(preview).toMatchObject({ units: 0, versions: [{ units: 0, failure: { code: 'ENTITY_TABLES_DIFFER' } }] });
    expect(preview.versions[0]?.failure?.message).toContain(DIFFERENCE);
  });

  it('ends a dry run with exit code 1, as the migration would', async () => {
    const cli = new Cli(forgetful.env, { entities: [Note], migrations: FIRST_MIGRATIONS });
    const { code, stdout, stderr } = await cli.run('migrate', '--dry-run');
    expect(stdout).toContain(DIFFERENCE);
    expect(code).toBe(1);
    expect(stderr).toBe(`tenantry: the migration would fail: the tables do not fit the entities: ${DIFFERENCE}\n`);
    const inJson = await cli.run('migrate', '--dry-run', '--json');
    expect([inJson.code, inJson.error.error.code]).toEqual([1, 'DRY_RUN_FAILED']);
    expect(inJson.json.versions).toMatchObject([{ failure: { code: 'ENTITY_TABLES_DIFFER' } }]);
  });

  it('fails a migration of the fleet that has nothing to do, and the provisioning of a tenant', async () => {
    await stopFormer(); // it may run the operation, too, because their migrations are the same
    const request = { method: 'POST', apiKey: ADMIN_KEY, body: { kind: 'migrate' } };
    const { id } = (await forgetful.call('/admin/v1/operations', request)).body;
    const operation = async () => (await forgetful.call(`/admin/v1/operations/${id}`, { apiKey: ADMIN_KEY })).body;
    await soon(async () => expect((await operation()).finishedAt).not.toBeNull());
    expect(await operation()).toMatchObject({ status: 'failed', error: { code: 'ENTITY_TABLES_DIFFER' } });
    await expect(forgetful.provision('fresh', 'schema')).rejects.toThrow(DIFFERENCE);
  });
});
