import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { type Job, Queue } from 'bullmq';
import type { Repository } from 'typeorm';
import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { TenantQueue } from '../../../src/bullmq.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { TenantJobs, TenantryModule, tenantRepositoryToken } from '../../../src/index.js';
import { startTestTenancy, type TestTenancy, type TestTenant } from '../../../src/testing.js';
import { Note, NotesModule } from '../../support/host/notes.module.js';
import { serverUrl } from '../../support/queues/notes-jobs.js';
import { WorkerProcesses } from '../../support/queues/worker-processes.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const JOBS_PER_TENANT = 100;
const COUNTS: Readonly<Record<Isolation, number>> = { row: 60, schema: 30, database: 10 };
const QUEUE = 'soak';
const NAMES = ['wait', 'wait', 'drop', 'refuse'] as const;

@Module({ imports: [TenantryModule.forRoot({ controlPlane: true }), NotesModule] })
class HostModule {}

let redis: TestRedis;
let tenancy: TestTenancy;
let queue: Queue;
let workers: WorkerProcesses;
const tenants: TestTenant[] = [];

beforeAll(async () => {
  redis = await TestRedis.start();
  tenancy = await startTestTenancy({ module: HostModule, databaseUrl: serverUrl() });
  queue = new Queue(QUEUE, { connection: redis.address });
  workers = new WorkerProcesses(QUEUE, redis.port);
  for (const [isolation, count] of Object.entries(COUNTS) as [Isolation, number][])
    for (let n = 0; n < count; n += 1)
      tenants.push(await tenancy.createTenant({ slug: `${isolation}-${n}`, isolation }));
}, 600_000);

afterAll(async () => {
  await workers.stop();
  await queue.close();
  await tenancy.stop();
  await redis.stop();
}, 120_000);

it('does each job for its own tenant, or refuses it for a stated reason, while workers are killed and tenants change', async () => {
  await addJobs();
  await Promise.all([workers.start(), workers.start(), workers.start()]);
  const killing = new AbortController();
  const killed = killWorkers(killing.signal);
  const deleted = await changeTenants();
  await soonEmpty();
  killing.abort();
  await killed;

  const jobs = await queue.getJobs(['completed', 'failed']);
  expect(jobs).toHaveLength(tenants.length * JOBS_PER_TENANT);
  const ends = new Map<string, number>();
  for (const job of jobs) ends.set(endOf(job), (ends.get(endOf(job)) ?? 0) + 1);
  console.log({ kills: workers.kills, waited: jobs.filter(hasWaited).length, ends: Object.fromEntries(ends) });
  expect([...ends.keys()].sort()).toEqual(['TENANT_DELETED', 'TENANT_SUSPENDED', 'done', 'dropped: TENANT_SUSPENDED']);
  expect(workers.wrong).toEqual([]);
  expect(workers.kills).toBeGreaterThan(3);
  expect(jobs.some(hasWaited)).toBe(true);
  await expectRowsToMatch(jobs, deleted);
}, 1_100_000);

async function addJobs(): Promise<void> {
  const jobs = new TenantQueue(queue, tenancy.app.get(TenantJobs, { strict: false }));
  for (const { slug, id: tenantId } of tenants) {
    const ofTenant = Array.from({ length: JOBS_PER_TENANT }, (_, n) => ({
      name: NAMES[n % NAMES.length]!,
      data: { id: randomUUID(), tenantId },
      opts: { attempts: 20, backoff: 200, delay: n * 300 },
    }));
    await tenancy.withTenant(slug, () => jobs.addBulk(ofTenant), { principal: { tenantId } });
  }
}

async function killWorkers(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(1_500);
    await workers.replaceOldest();
  }
}

/** @returns the ids of the tenants that were deleted for good */
async function changeTenants(): Promise<ReadonlySet<string>> {
  const lifecycle = tenancy.app.get(TenantLifecycle, { strict: false });
  const some = (from: number): TestTenant[] => tenants.filter((_, n) => n % 10 === from);
  const deleted = [...some(3).slice(0, 4), tenants[95]!];
  for (const { slug } of some(0)) await lifecycle.suspend(slug, TENANTRY_ACTOR);
  for (const { slug } of some(1)) await lifecycle.delete(slug, { graceSeconds: 3_600 }, TENANTRY_ACTOR);
  for (const { slug } of deleted) await lifecycle.delete(slug, { graceSeconds: 0 }, TENANTRY_ACTOR);
  for (let round = 0; round < 4; round += 1) {
    await delay(3_000);
    for (const { slug } of some(2)) await lifecycle.suspend(slug, TENANTRY_ACTOR);
    await delay(3_000);
    for (const { slug } of some(2)) await lifecycle.resume(slug, TENANTRY_ACTOR);
  }
  for (const { slug } of some(0)) await lifecycle.resume(slug, TENANTRY_ACTOR);
  for (const { slug } of some(1)) await lifecycle.restore(slug, TENANTRY_ACTOR);
  for (const { slug, isolation } of deleted) await createAgain(slug, isolation);
  return new Set(deleted.map(({ id }) => id));
}

/** A new tenant with the slug of one that is being deleted. */
async function createAgain(slug: string, isolation: Isolation): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return void (await tenancy.createTenant({ slug, isolation }));
    } catch (error) {
      if (attempt === 60) throw error; // its deletion has not ended
      await delay(500);
    }
  }
}

async function soonEmpty(): Promise<void> {
  const deadline = Date.now() + 800_000;
  for (;;) {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
    if (Object.values(counts).every((count) => count === 0)) return;
    if (Date.now() > deadline) throw new Error(`jobs are left: ${JSON.stringify(counts)}`);
    await delay(1_000);
  }
}

async function expectRowsToMatch(jobs: readonly Job[], deleted: ReadonlySet<string>): Promise<void> {
  const notes = tenancy.app.get<Repository<Note>>(tenantRepositoryToken(Note), { strict: false });
  type Row = { id: string; text: string; tenant: string };
  for (const { slug, id: tenantId } of tenants) {
    const own = jobs.filter(({ data }) => (data as { tenantId: string }).tenantId === tenantId);
    const ids = (ofEnd: (end: string) => boolean): string[] =>
      own.filter((job) => ofEnd(endOf(job))).map(({ data }) => (data as { id: string }).id);
    const rows = await tenancy.withTenant(slug, () =>
      notes.query<Row[]>('SELECT id, text, tenant_id::text AS tenant FROM notes'),
    );
    if (deleted.has(tenantId)) {
      expect(ids((end) => end === 'TENANT_DELETED').length).toBeGreaterThan(0);
      expect(rows).toEqual([]); // the new tenant's
      continue;
    }
    const written = new Set(rows.map(({ id }) => id));
    expect(rows.filter(({ text, tenant }) => text !== tenantId || tenant !== tenantId)).toEqual([]);
    expect(ids((end) => end === 'done').filter((id) => !written.has(id))).toEqual([]);
    // A worker may have died behind the insert, and the job was refused when it ran again.
    const all = new Set(ids(() => true));
    expect(rows.filter(({ id }) => !all.has(id))).toEqual([]);
  }
}

/** How a job has ended: `done`, `dropped: <reason>`, the reason of a refusal, or an error that nobody expects. */
function endOf({ returnvalue, failedReason, data }: Job): string {
  const result = returnvalue as { done?: string; dropped?: string } | null;
  if (result?.done === (data as { tenantId: string }).tenantId) return 'done';
  if (result?.dropped !== undefined) return `dropped: ${result.dropped}`;
  return /^TENANT_[A-Z]+(?=:)/.exec(failedReason ?? '')?.[0] ?? `${failedReason} ${JSON.stringify(result)}`;
}

function hasWaited({ attemptsStarted, attemptsMade }: Job): boolean {
  return attemptsStarted > attemptsMade;
}
