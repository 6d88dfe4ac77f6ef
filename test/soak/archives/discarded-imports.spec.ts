import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Json, TestApp } from '../../support/test-app.js';

/** More than what is read of an archive before its tables are made. */
const ROWS = 20_000;

let folder: string;
let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  app = await TestApp.start({ BACKUP_URL: pathToFileURL(folder).href });
  admin = new AdminClient(app);
});
afterAll(async () => {
  await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const scratch = (): Promise<Json[]> =>
  asSuperuser(`${app.database.name}_shared`, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`);

/** A backup that is recognised as changed only at its end. @returns its id */
async function damagedBackup(): Promise<string> {
  const tenant = await app.provision('acme', 'schema');
  const { database, schema } = (await admin.get('/tenants/acme')).body;
  await asSuperuser(
    database,
    `INSERT INTO "${schema}".customers (tenant_id, name, email)
     SELECT '${tenant.id}', gen_random_uuid(), n || '@example.com' FROM generate_series(1, ${ROWS}) n`,
  );
  const { headers } = await admin.send('POST', '/backups', { body: { tenant: 'acme' } });
  const { result } = await admin.ended(headers.get('location'));
  const path = join(folder, tenant.id, `${result.backup}.age`);
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(content.length - 20) ^ 1, content.length - 20);
  writeFileSync(path, content);
  return result.backup;
}

/** Operations of the kind wait from now on. */
async function holdBack(kind: string): Promise<void> {
  await app.database.admin(`CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.run_after := 'infinity'; RETURN NEW; END $$`);
  await app.database.admin(`CREATE TRIGGER hold_back BEFORE INSERT ON operations FOR EACH ROW
    WHEN (NEW.kind = '${kind}') EXECUTE FUNCTION hold_back()`);
}

it('the scratch tables of a failed import are removed, also when its tenant is deleted at once', async () => {
  const id = await damagedBackup();
  await holdBack('discard-import');
  const { headers } = await admin.send('POST', `/backups/${id}/restore`, { body: { as: 'other' } });
  expect(await admin.ended(headers.get('location'))).toMatchObject({
    status: 'failed',
    error: { code: 'ARCHIVE_UNREADABLE' },
  });
  expect(await scratch()).toHaveLength(1);

  const deletion = await admin.send('DELETE', '/tenants/other?graceSeconds=0');
  expect(await admin.ended(deletion.headers.get('location'))).toMatchObject({ status: 'succeeded' });
  expect((await admin.get('/tenants/other')).status).toBe(404);
  expect(await scratch()).toHaveLength(1);

  const [discard] = await app.database.admin<{ id: string }>(
    `UPDATE operations SET run_after = now() WHERE kind = 'discard-import' RETURNING id`,
  );
  expect(await admin.ended(`/admin/v1/operations/${discard!.id}`)).toMatchObject({ status: 'succeeded', error: null });
  expect(await scratch()).toEqual([]);
});
