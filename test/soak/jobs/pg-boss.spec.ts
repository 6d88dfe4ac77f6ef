import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import PgBoss from 'pg-boss';
import { type JobPolicy, TenantryModule, withCarrier } from '../../../src/index.js';
import { type PgBossJob, TenantBoss } from '../../../src/pg-boss.js';
import { JobSlots } from '../../../src/tenant/jobs/job-slots.js';
import { startTestTenancy } from '../../../src/testing.js';
import { NotesModule } from '../../support/host/notes.module.js';
import { soon } from '../../support/load/soon.js';
import { NotesJobs, type NotesTenancy, serverUrl, TENANTS } from '../../support/queues/notes-jobs.js';

@Module({ imports: [TenantryModule.forRoot({ controlPlane: true }), NotesModule] })
class HostModule {}

let tenancy: NotesTenancy;
let notes: NotesJobs;
let boss: PgBoss;
let tenantBoss: TenantBoss;

beforeAll(async () => {
  tenancy = await startTestTenancy({ module: HostModule, databaseUrl: serverUrl(), tenants: TENANTS });
  notes = new NotesJobs(tenancy);
  // The catalog's database: pg-boss has a schema of its own there.
  boss = new PgBoss({ connectionString: process.env['DATABASE_URL']!, schedule: false, supervise: false });
  boss.on('error', () => undefined); // of workers that are stopped
  await boss.start();
  tenantBoss = new TenantBoss(boss, notes.jobs);
}, 120_000);

afterAll(async () => {
  await boss.stop({ graceful: false });
  await tenancy.stop();
});

type NoteJob = PgBossJob<{ text: string }>;
const noteJob = (job: NoteJob): Promise<unknown> => notes.note(job.data.text);

/** A queue without retries, whose worker looks every half second. */
async function startQueue(
  name: string,
  work: (job: NoteJob) => Promise<unknown> = noteJob,
  policy: JobPolicy = {},
  workOptions: object = {},
): Promise<void> {
  await boss.createQueue(name, { name, retryLimit: 0 });
  const options = { ...policy, work: { pollingIntervalSeconds: 0.5, ...workOptions } };
  await tenantBoss.work<{ text: string }>(name, work, options);
}

const send = (slug: string, name: string, text: string): Promise<string> =>
  notes.as(slug, async () => (await tenantBoss.send(name, { text }))!);

async function ended(name: string, id: string, state: string): Promise<{ output: object; data: object }> {
  let job: PgBoss.JobWithMetadata | null = null;
  await soon(async () => {
    job = await boss.getJobById(name, id);
    expect(job?.state).toBe(state);
  });
  return job!;
}

describe('jobs of pg-boss', () => {
  it('run for the tenant and the principal that have sent them', async () => {
    await notes.as('acme', () => startQueue('plain')); // as if the worker were started in a request
    for (const slug of ['globex', 'initech', 'acme']) {
      const id = await send(slug, 'plain', 'sent');
      const { output } = await ended('plain', id, 'completed');
      expect(output).toEqual({ slug, principal: { user: `of ${slug}` } });
    }
    expect(await notes.of('globex')).toEqual(['globex: sent']);
  });

  it('that are allowed once are allowed once for each tenant', async () => {
    await boss.createQueue('once', { name: 'once' });
    for (const options of [{ singletonKey: 'k', singletonSeconds: 3_600 }, { singletonHours: 1 }]) {
      const sendOnce = (slug: string) => notes.as(slug, () => tenantBoss.send('once', { text: 'once' }, options));
      expect(await sendOnce('acme')).not.toBeNull();
      expect(await sendOnce('globex')).not.toBeNull();
      expect(await sendOnce('acme')).toBeNull();
    }
  });

  it('of one batch run for their own tenants, and one that fails leaves the others done', async () => {
    const work = async (job: NoteJob): Promise<unknown> => {
      if (job.data.text === 'broken') throw new Error('broken on purpose');
      return noteJob(job);
    };
    await boss.createQueue('batches', { name: 'batches', retryLimit: 0 });
    const ids = [await send('acme', 'batches', 'first'), await send('globex', 'batches', 'broken')];
    ids.push(await send('initech', 'batches', 'third'), (await boss.send('batches', { text: 'orphan' }))!);
    await startQueue('batches', work, {}, { batchSize: 4 });
    expect(await ended('batches', ids[0]!, 'completed')).toMatchObject({ output: { slug: 'acme' } });
    expect(await ended('batches', ids[2]!, 'completed')).toMatchObject({ output: { slug: 'initech' } });
    const failed = [await ended('batches', ids[1]!, 'failed'), await ended('batches', ids[3]!, 'failed')];
    for (const { output } of failed) {
      const { code, message } = output as { code: string; message: string };
      expect(code).toBe('BATCH_JOBS_FAILED');
      expect(message).toContain(`${ids[1]} Error`); // in any order: pg-boss promises none within a batch
      expect(message).toContain(`${ids[3]} MISSING_CARRIER`);
    }
    expect(JSON.stringify(failed)).not.toContain('on purpose');
    expect(await notes.of('globex')).not.toContain('globex: broken');
  });

  it('fail without a carrier, and with one that was changed', async () => {
    await startQueue('hostile');
    const carrier = await notes.as('acme', async () => notes.context.capture());
    for (const [data, reason] of [
      [{ text: 'x' }, 'MISSING_CARRIER'],
      [withCarrier({ text: 'x' }, `${carrier.slice(0, -2)}AA`), 'INVALID_CARRIER'],
    ] as const) {
      const { output } = await ended('hostile', (await boss.send('hostile', data))!, 'failed');
      expect(output).toMatchObject({ code: 'JOB_REFUSED', reason });
    }
  });

  it('wait while their tenant is suspended, as a copy each time, and are refused in the end', async () => {
    await startQueue('waiting', noteJob, { waitMs: 1_000, maxWaits: 2 });
    const id = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return (await tenantBoss.send('waiting', { text: 'patient' }, { priority: 3, retryLimit: 4 }))!;
    });
    const { output } = await ended('waiting', id, 'completed');
    const { waiting, as } = output as { waiting: string; as: string };
    expect(waiting).toBe('TENANT_SUSPENDED');
    expect(await boss.getJobById('waiting', as)).toMatchObject({ priority: 3, retryLimit: 4, retryCount: 0 });
    await notes.resume('globex');
    await ended('waiting', as, 'completed');
    expect(await notes.of('globex')).toContain('globex: patient');

    let last = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return (await tenantBoss.send('waiting', { text: 'never' }, { retryLimit: 0 }))!;
    });
    for (let wait = 0; wait < 2; wait += 1)
      last = ((await ended('waiting', last, 'completed')).output as { as: string }).as;
    const refused = await ended('waiting', last, 'failed');
    expect(refused.output).toMatchObject({ reason: 'TENANT_SUSPENDED', message: expect.stringContaining('2 waits') });
    await notes.resume('globex');
  });

  it('wait once, also when the worker dies before pg-boss learns of it', async () => {
    await boss.createQueue('twice', { name: 'twice', retryLimit: 3 });
    const id = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return (await tenantBoss.send('twice', { text: 'once' }))!;
    });
    const dying = new TenantBoss(Object.assign(Object.create(boss) as PgBoss, { work: runOnce }), notes.jobs);
    await dying.work('twice', noteJob as never, { waitMs: 3_600_000 });
    expect(await boss.getQueueSize('twice', { before: 'completed' })).toBe(2); // the job, active, and its copy
    await notes.resume('globex');
    await boss.deleteJob('twice', id);
  });

  it('run as many at once as the limit of their tenant admits, and others are sent again, without failing', async () => {
    await notes.limit('acme', { maxConcurrentJobs: 1 });
    let [running, most, done] = [0, 0, 0];
    await startQueue(
      'limited',
      async () => {
        most = Math.max(most, (running += 1));
        await notes.note('at once');
        await delay(300);
        running -= 1;
        done += 1;
      },
      { waitMs: 100, maxWaits: 0 },
      { batchSize: 5 },
    );
    const ids = await Promise.all(Array.from({ length: 4 }, (_, n) => send('acme', 'limited', `job ${n}`)));
    await soon(async () => expect(done).toBe(4));
    expect(most).toBe(1);
    expect(tenancy.app.get(JobSlots, { strict: false }).refused).toBeGreaterThanOrEqual(3);
    for (const id of ids) await ended('limited', id, 'completed');
    await notes.limit('acme', {});
  });

  it('are dropped, or refused once the tenant is deleted, where the policy says so', async () => {
    await startQueue('dropping', noteJob, { whenSuspended: 'drop', whenDeleted: 'drop' });
    const id = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return (await tenantBoss.send('dropping', { text: 'x' }))!;
    });
    expect(await ended('dropping', id, 'completed')).toMatchObject({ output: { dropped: 'TENANT_SUSPENDED' } });
    await notes.resume('globex');
    await boss.createQueue('deleted', { name: 'deleted', retryLimit: 0 });
    await tenancy.createTenant('phoenix');
    const sent = await send('phoenix', 'deleted', 'of the former');
    await tenancy.reset();
    await tenancy.createTenant('phoenix');
    await startQueue('deleted');
    expect(await ended('deleted', sent, 'failed')).toMatchObject({ output: { reason: 'TENANT_DELETED' } });
    expect(await new NotesJobs(tenancy).of('phoenix')).toEqual([]);
  });

  it('have data that is an object, and a policy that is one', async () => {
    await expect(notes.as('acme', () => tenantBoss.send('plain', [1]))).rejects.toMatchObject({
      code: 'UNCARRIABLE_DATA',
    });
    await expect(tenantBoss.work('plain', async () => 1, { waitMs: 1 })).rejects.toMatchObject({
      code: 'INVALID_JOB_POLICY',
    });
  });
});

/** Instead of `work`: fetches the job, and runs it twice, as after the end of a worker that has not completed it. */
async function runOnce(name: string, options: object, handler: (jobs: never[]) => Promise<unknown>): Promise<string> {
  const jobs = await boss.fetch(name, { ...options, includeMetadata: true });
  expect(jobs).toHaveLength(1);
  await handler(jobs as never[]);
  await handler(jobs as never[]);
  return 'worker';
}
