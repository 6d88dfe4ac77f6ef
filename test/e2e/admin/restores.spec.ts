import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeRestores, RestoredTenant } from '../../contracts/restored-tenants.js';
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

describe('over a tenant with a schema of its own', () => describeRestores(() => tenant));
