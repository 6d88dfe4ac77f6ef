import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
let cli: Cli;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-given-up-'));
  app = await TestApp.start();
  admin = new AdminClient(app);
  cli = new Cli(app.env);
  await app.provision('acme', 'row');
});

afterAll(async () => {
  await app.dispose();
  await rm(folder, { recursive: true, force: true });
});

it('an import whose file is lost is cancelled by any instance, and leaves nothing', async () => {
  const file = join(folder, 'acme.age');
  await cli.json('tenants', 'export', 'acme', '--to', file);
  const child = cli.start('tenants', 'import', file, '--as', 'lost');
  const exited = once(child, 'exit');
  await new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (/^import lost: (?!pending)/m.test(text)) resolve();
    });
  });
  child.kill('SIGKILL');
  await exited;
  await rm(file);
  const [{ id }] = (await app.database.admin<{ id: string }>(
    `SELECT id FROM operations WHERE kind = 'import' AND status IN ('pending', 'running')`,
  )) as [{ id: string }];
  await admin.send('POST', `/operations/${id}/cancel`);
  expect(await admin.ended(`/admin/v1/operations/${id}`)).toMatchObject({ status: 'cancelled' });
  await soon(async () => expect((await admin.get('/tenants/lost')).status).toBe(404));
  const schemas = `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`;
  expect(await asSuperuser(`${app.database.name}_shared`, schemas)).toEqual([]);
});

it('a tenant is exported until the deletion of its data begins', async () => {
  await cli.json('tenants', 'delete', 'acme', '--grace', '7d', '--yes');
  await cli.json('tenants', 'export', 'acme', '--to', join(folder, 'in-time.age'));
  await app.database.admin(`UPDATE operations SET started_at = now() WHERE kind = 'delete'`);
  for (const options of [[], ['--json-lines']]) {
    const refused = await cli.run('tenants', 'export', 'acme', '--to', join(folder, 'late'), ...options, '--json');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('the tenant is deleted');
  }
  expect(await readdir(folder)).toEqual(['in-time.age']);
});
