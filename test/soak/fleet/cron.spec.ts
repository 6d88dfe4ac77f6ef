import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TenantConnectionService, createTenantTable } from '../../../src/index.js';
import { soon } from '../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { Instance } from '../../support/fleet/fleet.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { dropEverything } from '../../support/test-app.js';

const INSTANCE = fileURLToPath(new URL('cron-instance.mjs', import.meta.url));
const KEYS = `test:${randomBytes(32).toString('base64')}`;
const PER_ISOLATION = { row: 25, schema: 25, database: 10 } as const;
const TENANTS = 60;
/** As in cron-instance.mjs. */
const NOTES = migration('CreateNotes1764100000000', (runner) =>
  createTenantTable(runner, 'notes', {
    columns: {
      ...{
        id: 'uuid NOT NULL DEFAULT gen_random_uuid()',
        job: 'text NOT NULL',
        what: 'text NOT NULL',
        at: 'text NOT NULL',
      },
    },
  }),
);

interface Run {
  readonly status: string;
  readonly instance: string;
  readonly done: number;
  readonly failed: number;
}

let database: TestDatabase;
let control: Instance;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-cron-'));
  database = await createTestDatabase('catalog');
  control = await Instance.start(database, [NOTES], { ENCRYPTION_KEYS: KEYS, ENABLE_TENANT_CRON: 'false' });
  for (const [isolation, count] of Object.entries(PER_ISOLATION)) {
    for (let n = 0; n < count; n += 1) await control.provision(`${isolation}-${n}`, isolation as 'row');
  }
  await database.admin(`UPDATE tenants SET created_at = now() - interval '9 days'`);
  await database.admin(`UPDATE tenants SET status = 'suspended' WHERE slug = 'row-24'`);
}, 600_000);

afterEach(async () => {
  for (const child of children.splice(0)) await killed(child);
});

afterAll(async () => {
  await control?.stop();
  await dropEverything(database);
  await rm(folder, { recursive: true, force: true });
});

async function startInstance(): Promise<ChildProcess> {
  const env = {
    PATH: process.env['PATH'],
    ...{ NODE_ENV: 'test', DATABASE_URL: database.url, DATA_DIR: folder, ENCRYPTION_KEYS: KEYS },
    ...{ ENABLE_REDIS_CACHE: 'false', ADMIN_API_KEY: randomBytes(24).toString('base64url') },
  };
  const child = spawn(process.execPath, [INSTANCE], { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const runOf = async (job: string): Promise<Run | undefined> =>
  (await database.admin<Run & Record<string, unknown>>('SELECT * FROM cron_runs WHERE job = $1', [job]))[0];

/** Per tenant, how often its work began, began again, and ended. */
async function notesOf(job: string): Promise<Map<string, Record<string, number>>> {
  const { results } = await control.nest
    .get(TenantConnectionService)
    .acrossTenants<{ what: string; count: number }>(
      { status: ['active'] },
      { text: 'SELECT what, count(*)::int AS count FROM notes WHERE job = $1 GROUP BY what', values: [job] },
      { reason: 'the test looks' },
    );
  return new Map(
    results.map((each) => {
      if (each.status === 'failed') throw each.error;
      return [each.tenant.slug, Object.fromEntries(each.rows.map(({ what, count }) => [what, count]))];
    }),
  );
}

/** Makes a job due once, for the last midnight, and kills the instance that runs it in the middle. */
async function killInTheMiddle(job: string): Promise<{ readonly failures: string[] }> {
  const instances = await Promise.all([startInstance(), startInstance(), startInstance()]);
  await soon(async () => {
    const known = await database.admin('SELECT FROM cron_jobs WHERE name = $1', [job]);
    expect(known).toHaveLength(1);
  });
  await database.admin(`UPDATE cron_jobs SET decided_until = now() - interval '3 days' WHERE name = $1`, [job]);
  await soon(async () => expect((await runOf(job))?.done).toBeGreaterThan(10));
  const { instance, done } = (await runOf(job))!;
  expect(done).toBeLessThan(TENANTS - 10);
  await killed(instances.find(({ pid }) => instance.endsWith(`:${pid}`))!);
  for (let n = 0; n < 6 && (await runOf(job))?.status !== 'ended'; n += 1) {
    await soon(async () => expect((await runOf(job))?.status).toBe('ended')).catch(() => undefined); // taken over after 15 s
  }
  expect(await runOf(job)).toMatchObject({ status: 'ended', instance: expect.not.stringMatching(instance) });
  const failures = await database.admin<{ slug: string }>(
    `SELECT t.slug FROM cron_failures f JOIN cron_runs r ON r.id = f.run_id JOIN tenants t ON t.id = f.tenant_id
     WHERE r.job = $1 AND f.code = 'INTERRUPTED' ORDER BY slug`,
    [job],
  );
  return { failures: failures.map(({ slug }) => slug) };
}

describe('a cron job over three instances, of which the one that runs it is killed in the middle', () => {
  it('begins no tenant twice, and has every tenant either done or failed as interrupted', async () => {
    const { failures } = await killInTheMiddle('once');
    const notes = await notesOf('once');
    expect(notes.size).toBe(TENANTS - 1); // one is suspended
    expect(failures.length).toBeLessThanOrEqual(3);
    for (const [slug, { begun = 0, ended = 0 }] of notes) {
      const promised = failures.includes(slug) ? begun <= 1 && ended <= begun : begun === 1 && ended === 1;
      expect({ slug, begun, ended, promised }).toMatchObject({ promised: true });
    }
    expect(await runOf('once')).toMatchObject({ done: TENANTS - 1 - failures.length, failed: failures.length });
  }, 300_000);

  it('runs interrupted tenants again where the job admits that, marked as such', async () => {
    const { failures } = await killInTheMiddle('again');
    expect(failures).toEqual([]);
    expect(await runOf('again')).toMatchObject({ done: TENANTS - 1, failed: 0 });
    let again = 0;
    for (const [slug, notes] of await notesOf('again')) {
      const { begun = 0, ended = 0, 'begun again': retried = 0 } = notes;
      again += retried;
      const promised = retried === 0 ? begun === 1 && ended === 1 : retried === 1 && begun <= 1 && ended >= 1;
      expect({ slug, begun, retried, ended, promised }).toMatchObject({ promised: true });
    }
    expect(again).toBeLessThanOrEqual(3);
  }, 300_000);
});
