import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cli } from '../../support/cli/cli.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';

const KILLS = 12;

let source: TestApp;
let goal: TestApp;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-killed-'));
  source = await TestApp.start();
  goal = await TestApp.start();
});

afterAll(async () => {
  await source.dispose();
  await goal.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe('an import that is killed again and again', () => {
  it.each(['row', 'schema', 'database'] as const)('ends with the same command, isolation %s', async (isolation) => {
    const tenant = await source.provision(`from-${isolation}`, isolation);
    for (let n = 0; n < 30; n += 1) {
      const body = { name: `customer ${n}`, email: `c${n}@example.com` };
      await source.call('/api/v1/customers', { method: 'POST', apiKey: tenant.apiKey, body });
    }
    const file = join(folder, `${isolation}.age`);
    await new Cli(source.env).json('tenants', 'export', tenant.slug, '--to', file);
    const cli = new Cli(goal.env);
    const command = ['tenants', 'import', file, '--as', tenant.slug];
    const seen = new Set<string>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = cli.start(...command);
      const exited = once(child, 'exit');
      const begun = new Promise<void>((resolve) => {
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          for (const [, step] of text.matchAll(/^import \S+: (\S+)/gm)) {
            seen.add(step ?? '');
            resolve(); // its operation runs
          }
        });
      });
      await Promise.race([begun.then(() => delay(kill * 100)), exited]);
      child.kill('SIGKILL');
      await exited;
    }
    const [{ status }] = (await goal.database.admin<{ status: string }>(
      `SELECT coalesce((SELECT status FROM tenants WHERE slug = $1), 'none') AS status`,
      [tenant.slug],
    )) as [{ status: string }];
    // Not stderr of the last attempt: it may have ended within the last of them.
    if (status !== 'active') expect(await cli.spawn(...command)).toMatchObject({ code: 0 });
    expect(seen.size).toBeGreaterThan(3);
    process.stdout.write(`${isolation}: killed in ${[...seen].join(', ')}\n`);
    const { token } = await cli.json('keys', 'create', tenant.slug);
    const rows = async (app: TestApp, apiKey: string): Promise<unknown> =>
      (await app.call('/api/v1/customers?limit=100', { apiKey })).body.items;
    expect(await rows(goal, token)).toEqual(await rows(source, tenant.apiKey));
    const [{ database }] = (await goal.database.admin<{ database: string }>(
      'SELECT database FROM connection_targets c JOIN tenants t ON t.target_id = c.id WHERE t.slug = $1',
      [tenant.slug],
    )) as [{ database: string }];
    expect(await asSuperuser(database, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`)).toEqual([]);
    expect(await goal.database.admin(`SELECT kind FROM operations WHERE status <> 'succeeded'`)).toEqual([]);
  });
});
