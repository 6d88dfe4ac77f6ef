import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, type Json, TestApp, type TestTenant } from '../../support/test-app.js';
import { Exposition } from '../../support/metrics/exposition.js';
import { diagnose } from '../../../src/doctor/doctor.js';
import { loadConfig } from '../../../src/platform/config/load-config.js';
import { sampleSchema } from '../../support/sample-schema.js';

const TIMES = 3;

let folder: string;
let first: TestApp;
let second: TestApp;
let tenants: TestTenant[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  const env = { BACKUP_URL: pathToFileURL(folder).href, BACKUP_EVERY: '*/3 * * * * *' };
  const { database } = (first = await TestApp.start({ ...env, ENABLE_TENANT_CRON: 'false' }));
  tenants = [];
  for (const slug of ['acme', 'hooli', 'initech']) tenants.push(await first.provision(slug, 'row'));
  writeFileSync(join(folder, tenants[0]?.id ?? ''), 'in the way'); // acme's backups fail
  await first.stop();
  [first, second] = [await TestApp.over(database, env), await TestApp.over(database, env)];
});
afterAll(async () => {
  await second.stop();
  await first.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Due {
  readonly slug: string;
  readonly at: string;
  readonly operations: number;
  readonly succeeded: number;
}

const due = (): Promise<Due[]> =>
  first.database.admin(
    `SELECT subject AS slug, input ->> 'scheduledAt' AS at, count(*)::int AS operations,
            (count(*) FILTER (WHERE status = 'succeeded'))::int AS succeeded
     FROM operations WHERE kind = 'backup' AND status NOT IN ('pending', 'running') GROUP BY 1, 2`,
  );

it('two instances back each tenant up once per due time; one that fails is reported, and the others go on', async () => {
  let seen: Due[] = [];
  await soon(async () => {
    seen = await due();
    expect(seen.filter(({ slug }) => slug === 'initech').length).toBeGreaterThanOrEqual(TIMES);
  });
  expect(seen.filter(({ operations }) => operations !== 1)).toEqual([]);
  expect(seen.filter(({ slug, succeeded }) => (slug === 'acme') !== (succeeded === 0))).toEqual([]);
  const failures = await first.database.admin<{ slug: string; code: string }>(
    `SELECT DISTINCT t.slug, f.code FROM cron_failures f JOIN tenants t ON t.id = f.tenant_id`,
  );
  expect(failures).toEqual([{ slug: 'acme', code: 'OPERATION_FAILED' }]);
  expect(readdirSync(folder).length).toBe(3);
});

it('doctor names the tenant without a backup, and metrics count it', async () => {
  const loaded = loadConfig({ env: first.env, cwd: folder });
  const findings = await diagnose({ loadConfig: () => loaded, schema: sampleSchema });
  const found = findings.filter(({ check }) => check === 'backup-ages');
  expect(found).toMatchObject([{ verdict: 'fail', message: expect.stringContaining('acme (none)') }]);
  expect(found[0]?.message).toMatch(/^\d tenants? have no verified backup/);
  const { text } = await first.call('/metrics', { apiKey: ADMIN_KEY });
  const page = new Exposition(text);
  expect(page.value('tenantry_backup_overdue_tenants')).toBeGreaterThanOrEqual(1);
  expect(page.value('tenantry_backup_oldest_seconds')).toBeGreaterThan(3);
});

it('each backup of the others is kept and listed', async () => {
  const { items } = (await new AdminClient(first).get('/backups?tenant=hooli&limit=100')).body;
  const kept = items.filter(({ state }: Json) => state === 'kept');
  expect(kept.length).toBeGreaterThanOrEqual(TIMES - 1);
  expect(new Set(kept.map(({ takenAt }: Json) => takenAt)).size).toBe(kept.length);
});
