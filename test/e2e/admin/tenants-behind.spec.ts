import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { type Json, TestApp } from '../../support/test-app.js';

/** Of the sample application, not its newest one. */
const OLDER = 'CreateOrders1764000001000';

let folder: string;
let app: TestApp;
let admin: AdminClient;
let backup: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  app = await TestApp.start({ BACKUP_URL: pathToFileURL(folder).href });
  admin = new AdminClient(app);
  await app.provision('shared', 'row');
  await app.provision('older', 'schema');
  backup = (await ended('/backups', { tenant: 'older' })).result.backup;
});
afterAll(async () => {
  await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function ended(path: string, body: object = {}): Promise<Json> {
  const { headers } = await admin.send('POST', path, { body });
  return admin.ended(headers.get('location'));
}

/** What the requests are answered with that would bring the tenant's rows to new tables. */
async function answers(): Promise<[string, unknown, unknown][]> {
  const requests = {
    '/tenants/older/move': { isolation: 'row' },
    '/tenants/older/clone': { slug: 'copy' },
    [`/backups/${backup}/restore`]: {},
  };
  const all = Object.entries(requests).map(async ([path, body]) => {
    const answer = await admin.send('POST', path, { body });
    return [path, answer.status, answer.body.code] satisfies [string, unknown, unknown];
  });
  return Promise.all(all);
}

const operations = async (): Promise<unknown> =>
  (await app.database.admin<{ count: number }>('SELECT count(*)::int AS count FROM operations'))[0]?.count;

describe('a tenant whose tables are behind', () => {
  it('is not moved, cloned or restored before it is migrated, which is answered at once and begins nothing', async () => {
    const before = await operations();
    await app.database.admin(`UPDATE tenants SET schema_version = $1, migration_set = NULL WHERE slug = 'older'`, [
      OLDER,
    ]);
    for (const [path, status, code] of await answers()) {
      expect([path, status, code]).toEqual([path, 409, 'MIGRATION_REQUIRED']);
    }
    expect(await operations()).toBe(before);
    const { body } = await admin.send('POST', '/tenants/older/move/preview', { body: { isolation: 'database' } });
    expect(body.obstacles).toEqual([expect.stringContaining(`at ${OLDER}, `)]);
  });

  it('is moved as soon as it is migrated', async () => {
    expect(await ended('/operations', { kind: 'migrate' })).toMatchObject({ status: 'succeeded' });
    expect(await ended('/tenants/older/move', { isolation: 'row' })).toMatchObject({ status: 'succeeded' });
  });
});
