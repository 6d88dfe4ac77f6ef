import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BullModule, Processor, WorkerHost } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { type Job, Queue, QueueEvents, Worker } from 'bullmq';
import { TenantJob, tenantProcessor, TenantQueue } from '../../../src/bullmq.js';
import { type JobPolicy, TenantConnectionService, TenantryModule, withCarrier } from '../../../src/index.js';
import { startTestTenancy } from '../../../src/testing.js';
import { NotesModule, Places } from '../../support/host/notes.module.js';
import { soon } from '../../support/load/soon.js';
import { NotesJobs, type NotesTenancy, serverUrl, TENANTS } from '../../support/queues/notes-jobs.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let redis: TestRedis;
let tenancy: NotesTenancy;
let notes: NotesJobs;
const open: { close(): Promise<void> }[] = [];

@Processor('hosted', { concurrency: 3 })
class HostedProcessor extends WorkerHost {
  constructor(private readonly places: Places) {
    super();
  }

  @TenantJob({ waitMs: 200 })
  async process(job: Job<{ text: string }>): Promise<unknown> {
    this.places.note(job.data.text);
    return notes.note(job.data.text);
  }
}

@Module({
  imports: [
    TenantryModule.forRoot({ controlPlane: true }),
    NotesModule,
    BullModule.forRootAsync({ useFactory: () => ({ connection: redis.address }) }),
    BullModule.registerQueue({ name: 'hosted' }),
  ],
  providers: [HostedProcessor],
})
class HostModule {}

beforeAll(async () => {
  redis = await TestRedis.start();
  tenancy = await startTestTenancy({ module: HostModule, databaseUrl: serverUrl(), tenants: TENANTS });
  notes = new NotesJobs(tenancy);
}, 120_000);

afterAll(async () => {
  await Promise.all(open.map((each) => each.close()));
  await tenancy.stop();
  await redis.stop();
});

/** A queue, a worker on it, and what waits for its jobs. */
function startQueue(
  name: string,
  work: (job: Job<{ text: string }>) => Promise<unknown>,
  policy?: JobPolicy,
): { jobs: TenantQueue; queue: Queue; worker: Worker; end: (job: Job) => Promise<unknown> } {
  const connection = redis.address;
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  const worker = new Worker(name, tenantProcessor(notes.jobs, work, policy), { connection, concurrency: 3 });
  open.push(worker, events, queue);
  return {
    ...{ queue, worker, jobs: new TenantQueue(queue, notes.jobs) },
    end: (job) => job.waitUntilFinished(events, 30_000),
  };
}

const noteJob = (job: Job<{ text: string }>): Promise<unknown> => notes.note(job.data.text);

describe('a captured call', () => {
  it('is resumed for its tenant and principal, within the context of another one too, and only while it is served', async () => {
    const { context } = notes;
    const connections = tenancy.app.get(TenantConnectionService, { strict: false });
    const resumed = await notes.as('acme', async () => {
      const carrier = context.capture();
      return notes.as('globex', async () => {
        const seen = await connections.resume(carrier, async () => notes.note('resumed'));
        return { seen, then: notes.slug(), carrier };
      });
    });
    expect(resumed).toMatchObject({ seen: { slug: 'acme', principal: { user: 'of acme' } }, then: 'globex' });
    expect(await notes.of('acme')).toContain('acme: resumed');
    await notes.suspend('acme');
    await expect(connections.resume(resumed.carrier, async () => 1)).rejects.toMatchObject({
      code: 'TENANT_SUSPENDED',
    });
    await notes.resume('acme');
    expect(() => context.capture()).toThrow(expect.objectContaining({ code: 'NO_TENANT_CONTEXT' }));
  });
});

describe('jobs of BullMQ', () => {
  it('run for the tenant and the principal that have added them, and leave no context behind', async () => {
    const { jobs, worker, end } = startQueue('plain', noteJob);
    const seen: unknown[] = [];
    worker.on('completed', () => seen.push(notes.slug()));
    const added: [string, Job][] = [];
    for (const slug of ['acme', 'globex', 'initech', 'acme'])
      added.push([slug, await notes.as(slug, () => jobs.add('note', { text: 'added' }))]);
    for (const [slug, job] of added) expect(await end(job)).toEqual({ slug, principal: { user: `of ${slug}` } });
    expect(await notes.of('globex')).toEqual(['globex: added']);
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('run under @nestjs/bullmq, with what is injected into their processor', async () => {
    const queue = new Queue('hosted', { connection: redis.address });
    open.push(queue);
    const jobs = new TenantQueue(queue, notes.jobs);
    const [job] = await notes.as('initech', () => jobs.addBulk([{ name: 'note', data: { text: 'hosted' } }]));
    await soon(async () => expect(await job!.getState()).toBe('completed'));
    expect(await notes.of('initech')).toContain('initech: hosted');
    expect(tenancy.app.get(Places, { strict: false }).take()).toEqual({ hosted: 'initech' });
  });

  it('with the same id, or the same key against doubles, are one of each tenant', async () => {
    const { jobs, queue, end } = startQueue('own-ids', noteJob);
    const add = (slug: string): Promise<Job[]> =>
      notes.as(slug, async () => [
        await jobs.add('note', { text: 'by id' }, { jobId: 'order-7' }),
        ...(await jobs.addBulk([
          { name: 'note', data: { text: 'by key' }, opts: { deduplication: { id: 'k', ttl: 60_000 } } },
        ])),
      ]);
    const added = [...(await add('acme')), ...(await add('globex')), ...(await add('acme'))];
    await Promise.all(added.map(end));
    for (const slug of ['acme', 'globex']) {
      const own = (await notes.of(slug)).filter((text) => text.includes('by '));
      expect(own).toEqual([`${slug}: by id`, `${slug}: by key`]);
      const id = await notes.as(slug, async () => notes.jobs.ownKey('order-7'));
      expect((await queue.getJob(id))?.data).toMatchObject({ text: 'by id' });
    }
  });

  it('fail, and are not dropped, where another tenant than theirs is suspended', async () => {
    const connections = tenancy.app.get(TenantConnectionService, { strict: false });
    const work = (): Promise<unknown> => connections.run('initech', () => notes.note('for another'));
    const { jobs, end } = startQueue('of-another', work, { whenSuspended: 'drop' });
    await notes.suspend('initech');
    const job = await notes.as('acme', () => jobs.add('note', { text: 'x' }));
    await expect(end(job)).rejects.toThrow('this tenant is suspended');
    await notes.resume('initech');
  });

  it('keep their tenant when the worker and the queue were made in a request of another one', async () => {
    const made = await notes.as('acme', async () => startQueue('made-within', noteJob));
    const job = await notes.as('globex', () => made.jobs.add('note', { text: 'mine' }));
    expect(await made.end(job)).toMatchObject({ slug: 'globex' });
    const orphan = await notes.as('acme', () => made.queue.add('note', { text: 'orphan' }));
    await expect(made.end(orphan)).rejects.toThrow('MISSING_CARRIER');
    expect((await notes.of('acme')).join()).not.toContain('orphan');
  });

  it('are refused for good without a carrier, and with one that is forged, of another key, or expired', async () => {
    const { jobs, queue, end } = startQueue('hostile', noteJob);
    const body: object = { text: 'x', tenantCarrier: 'tc1.forged.AAAA' };
    const carrier = await notes.as('acme', async () => notes.context.capture({ expiresInMs: 1 }));
    const cases: [string, object][] = [
      ['MISSING_CARRIER', { text: 'x' }],
      ['MISSING_CARRIER', { text: 'x', tenantCarrier: { t: tenancy.tenants.acme.id } }],
      ['INVALID_CARRIER', body],
      ['INVALID_CARRIER', withCarrier({ text: 'x' }, `${carrier}A`)],
      ['CARRIER_EXPIRED', withCarrier({ text: 'x' }, carrier)],
    ];
    for (const [reason, data] of cases) {
      const job = await queue.add('note', data, { attempts: 5 });
      await expect(end(job)).rejects.toThrow(reason);
      expect((await queue.getJob(job.id!))?.attemptsMade).toBe(1);
    }
    const replaced = await notes.as('globex', () => jobs.add('note', body as Record<string, unknown>));
    expect(await end(replaced)).toMatchObject({ slug: 'globex' });
    await expect(jobs.add('note', {})).rejects.toMatchObject({ code: 'NO_TENANT_CONTEXT' });
  });

  it('wait while their tenant is suspended, and no attempt counts', async () => {
    const { jobs, queue, end } = startQueue('waiting', noteJob, { waitMs: 100 });
    await notes.as('acme', () => jobs.add('note', { text: 'before' })).then(end);
    const job = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return jobs.add('note', { text: 'while suspended' }, { attempts: 1 });
    });
    await soon(async () => {
      const waiting = await queue.getJob(job.id!);
      expect(waiting).toMatchObject({ attemptsMade: 0, attemptsStarted: expect.any(Number) });
      expect(waiting!.attemptsStarted).toBeGreaterThan(2);
    });
    await notes.resume('globex');
    expect(await end(job)).toMatchObject({ slug: 'globex' });
    expect((await queue.getJob(job.id!))?.attemptsMade).toBe(1);
  });

  it('are refused after as many waits as the policy allows', async () => {
    const { jobs, end } = startQueue('bounded', noteJob, { waitMs: 100, maxWaits: 2 });
    const job = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return jobs.add('note', { text: 'never' }, { attempts: 3 });
    });
    await expect(end(job)).rejects.toThrow('TENANT_SUSPENDED: this tenant is suspended, after 2 waits');
    await notes.resume('globex');
  });

  it('are dropped or refused where the policy says so', async () => {
    const dropping = startQueue('dropping', noteJob, { whenSuspended: 'drop' });
    const refusing = startQueue('refusing', noteJob, { whenSuspended: 'refuse' });
    const [dropped, refused] = await notes.as('globex', async () => {
      await notes.suspend('globex');
      return [await dropping.jobs.add('note', { text: 'x' }), await refusing.jobs.add('note', { text: 'x' })];
    });
    expect(await dropping.end(dropped!)).toEqual({ dropped: 'TENANT_SUSPENDED' });
    await expect(refusing.end(refused!)).rejects.toThrow('TENANT_SUSPENDED');
    await notes.resume('globex');
  });

  it('run as many at once as the limit of their tenant admits; others wait, and no attempt counts', async () => {
    await notes.limit('initech', { maxConcurrentJobs: 2 });
    const running = new Map<string | undefined, number>();
    const most = new Map<string | undefined, number>();
    const work = async (): Promise<unknown> => {
      const slug = notes.slug();
      const now = (running.get(slug) ?? 0) + 1;
      running.set(slug, now);
      most.set(slug, Math.max(now, most.get(slug) ?? 0));
      await notes.note('at once');
      const wanted = slug === 'initech' ? 2 : 3; // on a busy machine, others begin late
      for (const since = performance.now(); most.get(slug)! < wanted && performance.now() - since < 5_000;)
        await delay(10);
      await delay(50);
      running.set(slug, running.get(slug)! - 1);
      return 'done';
    };
    const { jobs, queue, worker, end } = startQueue('limited', work, { waitMs: 100, maxWaits: 0 });
    worker.concurrency = 10;
    const eight = Array.from({ length: 8 }, () => ({ name: 'note', data: { text: 'x' }, opts: { attempts: 1 } }));
    const add = (slug: string): Promise<Job[]> => notes.as(slug, () => jobs.addBulk(eight));
    const added = [...(await add('initech')), ...(await add('acme'))];
    expect(await Promise.all(added.map(end))).toEqual(added.map(() => 'done'));
    expect(most.get('initech')).toBe(2);
    expect(most.get('acme')).toBeGreaterThan(2);
    const ended: (Job | undefined)[] = [];
    for (const { id } of added) ended.push(await queue.getJob(id!));
    expect(ended.map((job) => job!.attemptsMade)).toEqual(added.map(() => 1));
    expect(ended.some((job) => job!.attemptsStarted > 1 && job!.data.tenantLimitWaits > 0)).toBe(true);
    await notes.limit('initech', {});
  });

  it('of a deleted tenant are refused, also when a new one has its slug', async () => {
    const { jobs, queue, worker, end } = startQueue('deleted', noteJob, { waitMs: 100 });
    await worker.pause();
    const former = await tenancy.createTenant('phoenix');
    const job = await notes.as('phoenix', () => jobs.add('note', { text: 'of the former' }));
    await tenancy.reset();
    notes = new NotesJobs(tenancy);
    expect((await tenancy.createTenant('phoenix')).id).not.toBe(former.id);
    void worker.resume();
    await expect(end(job)).rejects.toThrow('TENANT_DELETED');
    expect(await notes.of('phoenix')).toEqual([]);
    expect((await queue.getJob(job.id!))?.failedReason).toBe('TENANT_DELETED: this tenant no longer exists');
  });

  it('that run while their tenant is suspended are stopped, and wait', async () => {
    const connections = tenancy.app.get(TenantConnectionService, { strict: false });
    let isSuspended = false;
    const slow = async (): Promise<unknown> =>
      connections.transaction(async (manager) => {
        await manager.query('SELECT 1');
        if (!isSuspended) await notes.suspend('initech').then(() => (isSuspended = true));
        await manager.query('SELECT pg_sleep(0.05) FROM generate_series(1, 20)');
        await notes.resume('initech').catch(() => undefined);
        return 'done';
      });
    const { jobs, queue, end } = startQueue('stopped', slow, { waitMs: 100 });
    const job = await notes.as('initech', () => jobs.add('slow', {}, { attempts: 1 }));
    await soon(async () => expect((await queue.getJob(job.id!))!.attemptsStarted).toBeGreaterThan(1));
    await notes.resume('initech');
    expect(await end(job)).toBe('done');
  });
});
