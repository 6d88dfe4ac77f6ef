import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CronHost, startCronHost } from '../../support/cron/cron-host.js';
import { soon } from '../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';

const ALL = ['acme', 'globex', 'initech'];

interface RunRow {
  readonly id: string;
  readonly status: string;
  readonly done: number;
  readonly failed: number;
  readonly scheduled_at: Date;
}

let database: TestDatabase;
const open: CronHost[] = [];

const start = async (...parameters: Parameters<typeof startCronHost>): Promise<CronHost> => {
  const started = await startCronHost({ ...parameters[0], database }, parameters[1]);
  open.push(started);
  return started;
};

const stopAll = async (): Promise<void> => {
  for (const { host } of open.splice(0)) await host.stop();
};

const runs = (job: string): Promise<RunRow[]> =>
  database.admin(`SELECT * FROM tenantry.cron_runs WHERE job = $1 ORDER BY scheduled_at`, [job]);

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  const { host } = await start({ name: 'preparation', expression: '0 0 1 1 *' });
  await host.provision('acme', 'row');
  await host.provision('globex', 'schema');
  await host.provision('initech', 'database');
  // Only tenants that existed at a time are concerned by it.
  await database.admin(`UPDATE tenantry.tenants SET created_at = now() - interval '5 days'`);
  await host.provision('newcomer', 'row');
  await database.admin(`UPDATE tenantry.tenants SET created_at = now() + interval '1 hour' WHERE slug = 'newcomer'`);
  await stopAll();
});

afterAll(async () => {
  await stopAll();
  await dropEverything(database);
});

describe('@TenantCron', () => {
  it('runs once per tenant and time over all instances, in the context of each tenant', async () => {
    const instances = [await start({ name: 'each-second' }), await start({ name: 'each-second' })];
    await soon(async () =>
      expect((await runs('each-second')).filter(({ status }) => status === 'ended').length).toBeGreaterThan(3),
    );
    await stopAll();
    const seen = instances.flatMap((instance) => instance.seen);
    expect(seen.every(({ slug, tenant, isRetry }) => slug === tenant.slug && !isRetry)).toBe(true);
    const perTime = new Map<number, string[]>();
    for (const { slug, scheduledAt } of seen) {
      perTime.set(scheduledAt.getTime(), [...(perTime.get(scheduledAt.getTime()) ?? []), slug].toSorted());
    }
    const ended = (await runs('each-second')).filter(({ status }) => status === 'ended');
    for (const run of ended) {
      expect(perTime.get(run.scheduled_at.getTime())).toEqual(ALL);
      expect(run).toMatchObject({ done: 3, failed: 0 });
    }
    expect(perTime.size).toBe(ended.length);
  });

  it('records the failure of a tenant, and runs the others', async () => {
    await start({ name: 'fails' }, async ({ slug }) => {
      if (slug === 'globex') throw new Error('secret of globex');
    });
    await soon(async () => expect((await runs('fails'))[0]).toMatchObject({ status: 'ended', done: 2, failed: 1 }));
    await stopAll();
    const failures = await database.admin(
      `SELECT DISTINCT t.slug, f.code, f.message FROM tenantry.cron_failures f JOIN tenantry.tenants t ON t.id = f.tenant_id
       JOIN tenantry.cron_runs r ON r.id = f.run_id WHERE r.job = 'fails'`,
    );
    expect(failures).toEqual([
      { slug: 'globex', code: 'INTERNAL_ERROR', message: expect.not.stringContaining('secret') },
    ]);
  });

  it('leaves out suspended tenants, and those of other filters', async () => {
    await database.admin(`UPDATE tenantry.tenants SET status = 'suspended' WHERE slug = 'acme'`);
    const { seen } = await start({ name: 'filtered', tenants: { isolation: ['row', 'schema'] } });
    await soon(async () => expect(seen.length).toBeGreaterThan(0));
    await stopAll();
    await database.admin(`UPDATE tenantry.tenants SET status = 'active' WHERE slug = 'acme'`);
    expect(new Set(seen.map(({ slug }) => slug))).toEqual(new Set(['globex']));
  });

  it.each([
    { missed: 'skip' as const, statuses: ['missed'], ran: [] },
    { missed: 'once' as const, statuses: ['ended'], ran: ALL },
  ])('applies the rule `$missed` to times at which no instance ran', async ({ missed, statuses, ran }) => {
    const job = { name: `missed-${missed}`, expression: '0 0 * * *', missed };
    await start(job); // the catalog knows the job from now on
    await soon(async () => expect(await known(job.name)).toBe(1));
    await stopAll();
    await database.admin(`UPDATE tenantry.cron_jobs SET decided_until = now() - interval '3 days' WHERE name = $1`, [
      job.name,
    ]);
    const { seen } = await start(job);
    await soon(async () => expect((await runs(job.name)).map(({ status }) => status)).toEqual(statuses));
    await stopAll();
    expect(seen.map(({ slug }) => slug).toSorted()).toEqual(ran);
    const midnight = new Date();
    midnight.setUTCHours(0, 0, 0, 0);
    expect((await runs(job.name))[0]?.scheduled_at).toEqual(midnight);
  });

  it('has no missed times before its first start', async () => {
    const { seen } = await start({ name: 'new', expression: '0 0 * * *', missed: 'once' });
    await soon(async () => expect(await known('new')).toBe(1));
    await stopAll();
    expect({ seen, runs: await runs('new') }).toEqual({ seen: [], runs: [] });
  });

  it('gives the tenants in work their time at a shutdown, and another instance goes on with the rest', async () => {
    const started: string[] = [];
    const job = { name: 'daily', expression: '0 0 * * *', missed: 'once' as const, concurrency: 1 };
    const first = await start(job, async ({ slug }) => {
      started.push(slug);
      if (started.length > 1) return;
      void first.host.stop();
      await soon(async () => expect((await runs('daily'))[0]?.done).toBe(0));
    });
    await soon(async () => expect(await known('daily')).toBe(1));
    await database.admin(
      `UPDATE tenantry.cron_jobs SET decided_until = now() - interval '3 days' WHERE name = 'daily'`,
    );
    await soon(async () =>
      expect((await runs('daily'))[0]).toMatchObject({ status: 'running', done: 1, holder: null }),
    );
    const second = await start(job);
    await soon(async () => expect((await runs('daily'))[0]).toMatchObject({ status: 'ended', done: 3, failed: 0 }));
    open.splice(open.indexOf(first), 1);
    await stopAll();
    expect(started).toHaveLength(1);
    expect([...started, ...second.seen.map(({ slug }) => slug)].toSorted()).toEqual(ALL);
  });

  it('does not run with ENABLE_TENANT_CRON=false', async () => {
    const other = await start({ name: 'switched-off', env: { ENABLE_TENANT_CRON: 'false' } });
    const { seen } = await start({ name: 'switched-on' });
    await soon(async () => expect(seen.length).toBeGreaterThan(0));
    expect({ seen: other.seen, known: await known('switched-off') }).toEqual({ seen: [], known: 0 });
    await stopAll();
  });
});

async function known(name: string): Promise<number> {
  const [row] = await database.admin<{ count: number }>(
    'SELECT count(*)::int AS count FROM tenantry.cron_jobs WHERE name = $1',
    [name],
  );
  return row!.count;
}
