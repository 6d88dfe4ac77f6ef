import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TenantConnectionService, TenantContext } from '../../../src/index.js';
import { type CronHost, startCronHost } from '../../support/cron/cron-host.js';
import { soon } from '../../support/load/soon.js';
import { privateCatalog } from '../../support/postgres/private-catalog.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';

const ALL = ['acme', 'globex', 'initech'];
/** Two instances of three jobs start until then. */
const UNTIL_DUE_MS = 45_000;
const BETWEEN_TIMES_MS = 2_000;
/** Longer than the `startWithinSeconds` of two jobs, and shorter than that of the third. */
const AWAY_BEHIND_TIMES_MS = 4_000;
const WITHIN_MS = 240_000;

/** What the rule of a job makes of a time at which the catalog was away. */
const JOBS = [
  { options: { name: 'skips', missed: 'skip', startWithinSeconds: 1 }, status: 'missed', ran: [] },
  { options: { name: 'once', missed: 'once', startWithinSeconds: 1 }, status: 'ended', ran: ALL },
  { options: { name: 'late', missed: 'skip', startWithinSeconds: 3_600 }, status: 'ended', ran: ALL },
] as const;

interface Run {
  readonly status: string;
  readonly done: number;
  readonly failed: number;
  readonly scheduled_at: Date;
}

let postgres: PrivatePostgres;
const open: CronHost[] = [];

const start = async (options: Parameters<typeof startCronHost>[0]): Promise<CronHost> => {
  const started: CronHost = await startCronHost(
    { ...options, database: privateCatalog(postgres) },
    async ({ slug }) => {
      const { dataSource } = started.host.nest.get(TenantContext).current();
      await dataSource.query('INSERT INTO notes (text) VALUES ($1)', [`${options.name} of ${slug}`]);
    },
  );
  open.push(started);
  return started;
};

const runsOf = (job: string): Promise<Run[]> =>
  postgres.admin(`SELECT * FROM tenantry.cron_runs WHERE job = $1 ORDER BY scheduled_at`, [job]);

beforeAll(async () => {
  postgres = await PrivatePostgres.start();
  const { host } = await start({ name: 'preparation', expression: '0 0 1 1 *' });
  await host.provision('acme', 'row');
  await host.provision('globex', 'schema');
  await host.provision('initech', 'database');
}, WITHIN_MS);

afterAll(async () => {
  for (const { host } of open) await host.stop();
  await postgres?.stop();
});

/** Two times of one minute, and the expression that has them once a day. */
function dueTimes(): { readonly expression: string; readonly first: Date; readonly second: Date } {
  const first = new Date(Math.ceil((Date.now() + UNTIL_DUE_MS) / 1_000) * 1_000);
  if (first.getUTCSeconds() > 50) first.setUTCSeconds(60);
  const second = new Date(first.getTime() + BETWEEN_TIMES_MS);
  const seconds = `${first.getUTCSeconds()},${second.getUTCSeconds()}`;
  return { expression: `${seconds} ${first.getUTCMinutes()} ${first.getUTCHours()} * * *`, first, second };
}

async function notes(): Promise<Map<string, string[]>> {
  const { results } = await open[0]!.host.nest
    .get(TenantConnectionService)
    .acrossTenants<{ text: string }>({}, 'SELECT text FROM notes ORDER BY text', { reason: 'the test looks' });
  return new Map(
    results.map((each) => {
      if (each.status === 'failed') throw each.error;
      return [each.tenant.slug, each.rows.map(({ text }) => text)];
    }),
  );
}

describe('@TenantCron on two instances while the catalog is away at two due times', () => {
  it(
    'starts nothing; afterwards it leaves the times out, or runs the newest one once per tenant, as the job says',
    async () => {
      const { expression, first, second } = dueTimes();
      const instances = new Map<string, CronHost[]>();
      for (const { options } of JOBS) {
        instances.set(options.name, [await start({ ...options, expression }), await start({ ...options, expression })]);
      }
      await soon(async () =>
        expect(await postgres.admin('SELECT FROM tenantry.cron_jobs')).toHaveLength(1 + JOBS.length),
      );
      await postgres.kill();
      expect(Date.now()).toBeLessThan(first.getTime()); // otherwise the times were no missed ones
      await delay(second.getTime() + AWAY_BEHIND_TIMES_MS - Date.now());
      expect([...instances.values()].flat().flatMap(({ seen }) => seen)).toEqual([]);
      await postgres.startAgain();

      for (const { options, status, ran } of JOBS) {
        const { name } = options;
        await soon(async () => expect((await runsOf(name)).map((run) => run.status)).toEqual([status]));
        expect(await runsOf(name)).toMatchObject([{ scheduled_at: second, done: ran.length, failed: 0 }]);
        const seen = instances.get(name)!.flatMap((instance) => instance.seen);
        expect({ name, slugs: seen.map(({ slug }) => slug).toSorted() }).toEqual({ name, slugs: ran });
        for (const { scheduledAt, isRetry } of seen)
          expect({ scheduledAt, isRetry }).toEqual({ scheduledAt: second, isRetry: false });
      }
      const each = ALL.map((slug) => [slug, [`late of ${slug}`, `once of ${slug}`]] as const);
      expect(await notes()).toEqual(new Map(each));
    },
    WITHIN_MS,
  );
});
