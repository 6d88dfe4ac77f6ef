import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { describeRestores, RestoredTenant } from '../../contracts/restored-tenants.js';
import { soon } from '../../support/load/soon.js';
import { superuserOf } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';

let folder: string;
let app: TestApp;
let tenant: RestoredTenant;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  app = await TestApp.start({ BACKUP_URL: pathToFileURL(folder).href });
  tenant = await RestoredTenant.of('schema', [app]);
});
afterAll(async () => {
  await tenant.rows.stop().catch(() => undefined);
  await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('over a tenant with a schema of its own', () => {
  describeRestores(() => tenant);

  it('a transaction that is older than its gate is waited for, and what it writes is at the former place', async () => {
    const { database, schema, id } = await tenant.view();
    const older = new pg.Client(superuserOf(database));
    await older.connect();
    try {
      await older.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await older.query(`SELECT count(*) FROM "${schema}".customers`);
      const restore = await tenant.requestRestore();
      await soon(async () => {
        const [operation] = await app.database.admin<{ steps: string[] }>(
          `SELECT finished_steps AS steps FROM operations WHERE kind = 'restore' ORDER BY created_at DESC LIMIT 1`,
        );
        expect(operation?.steps).toContain('open-gates');
      });
      await delay(1_000);
      expect(await app.database.admin('SELECT state FROM moves')).toEqual([{ state: 'moving' }]);
      const values = [id, 'older', 'older@example.com'];
      await older.query(`INSERT INTO "${schema}".customers (tenant_id, name, email) VALUES ($1, $2, $3)`, values);
      await older.query('COMMIT');
      await tenant.succeeds(restore);
      const written = `SELECT name FROM "${schema}".customers WHERE name = 'older'`;
      expect((await older.query(written)).rows).toHaveLength(1);
      expect(await app.database.admin('SELECT state FROM moves')).toEqual([{ state: 'moved' }]);
    } finally {
      await older.end();
    }
  });
});
