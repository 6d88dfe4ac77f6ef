import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import type { HeldLease } from '../../../../src/database/pool/leases.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { LogRecorder } from '../../../support/log-recorder.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { soon } from '../../../support/load/soon.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';
import { clientOf, createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';

const REQUEST = { share: { maxConcurrent: 10, maxQueued: 10 }, hold: 'lease' } as const;

let database: TenantDatabase;
let backends: Backends;
let log: LogRecorder;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
  Logger.overrideLogger(false);
});

beforeEach(() => {
  log = new LogRecorder();
  Logger.overrideLogger(log);
});

it('a lease held for too long is reported once, with its tenant and call site, even if it had to wait', async () => {
  const clock = new ManualClock();
  const reported: HeldLease[] = [];
  const options = { size: 2, leaseWarningMs: 60_000 };
  const pool = new TestPool(database.target, options, { now: clock.now, onOverdue: (lease) => reported.push(lease) });
  const [quick, slow, third] = [tenantIn('shared'), tenantIn('shared'), tenantIn('shared')];
  const first = clientOf(pool, quick);
  const second = clientOf(pool, slow);
  await Promise.all([first.query('BEGIN'), second.query('BEGIN')]);
  const late = clientOf(pool, third);
  const site = lineAfterThis();
  const waiting = late.query('BEGIN');
  await soon(async () => expect(pool.counts().waiting).toBe(1));
  await first.query('COMMIT');
  await waiting;
  clock.advance(61_000);
  await soon(async () => expect(reported).toHaveLength(2));
  expect(reported.map(({ tenantId }) => tenantId)).toEqual([slow.id, third.id]);
  expect(reported[1]?.site.stack).toContain(site);
  expect(reported[1]?.site.stack).not.toMatch(/src.database.(pool|transactions)./);
  await second.query('COMMIT');
  await second.query('BEGIN');
  clock.advance(61_000);
  await soon(async () => expect(reported).toHaveLength(3));
  expect(reported[2]?.tenantId).toBe(slow.id); // its new lease; the other one was reported before
  await second.query('COMMIT');
  await late.query('COMMIT');
  expect(pool.openLeases()).toEqual([]);
  await expectStillWorks(pool, 2, backends);
  await pool.end();
});

it('shutdown waits for leases until its deadline, then destroys and logs those still held', async () => {
  const pools = openPools();
  const handle = pools.get(database.target);
  const finishing = await handle.acquire({ ...REQUEST, tenantId: 'finishing' });
  const site = lineAfterThis();
  const forgotten = await handle.acquire({ ...REQUEST, tenantId: 'forgotten' });
  const closing = pools.close(300);
  await finishing.client.query('SELECT pg_sleep(0.05)'); // it may finish what it does
  finishing.release();
  await closing; // although one lease is never released
  const destroyed = log.matching('warn', /^Destroyed at shutdown/);
  expect(destroyed).toHaveLength(1);
  expect(destroyed[0]).toContain('tenant forgotten');
  expect(destroyed[0]).toContain(site);
  await expect(forgotten.client.query('SELECT 1')).rejects.toThrow();
  forgotten.release();
  await soon(async () => expect(await backends.count()).toBe(0));
  expect(handle.counts()).toEqual({ total: 0, busy: 0, idle: 0, waiting: 0 });
});

it('shutdown does not wait when no lease is held', async () => {
  const pools = openPools();
  const handle = pools.get(database.target);
  (await handle.acquire({ ...REQUEST, tenantId: 'any-tenant' })).release();
  await pools.close(600_000); // longer than a test may take
  expect(log.matching('warn', /./)).toEqual([]);
  expect(await backends.count()).toBe(0);
});

/** `leaks.spec.ts:<line>` of the line after the one that calls this. */
function lineAfterThis(): string {
  const [, line] = /leaks\.spec\.ts:(\d+)/.exec((new Error().stack ?? '').split('\n').slice(2).join('\n')) ?? [];
  return `leaks.spec.ts:${Number(line) + 1}`;
}

function openPools(): ConnectionPools {
  const pool: AppConfig['pool'] = {
    ...{ ...POOL_OPTIONS, enabled: true, serverMaxConnections: 90 },
    ...{ tenantMaxConcurrent: undefined, tenantMaxQueued: 100 },
  };
  return new ConnectionPools({ pool } as AppConfig);
}
