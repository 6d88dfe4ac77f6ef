import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import QueryStream from 'pg-query-stream';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { type CheckedOutConnection, LeaseLimits } from '../../../../src/database/pool/leases.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import type { PoolOptions } from '../../../../src/database/pool/pool-options.js';
import { SessionLease, type SessionOptions } from '../../../../src/database/transactions/session-lease.js';
import { Submission } from '../../../../src/database/transactions/submission.js';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { LogRecorder } from '../../../support/log-recorder.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { soon } from '../../../support/load/soon.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { accessTo, POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';
import { newCursor } from '../../../support/statements/pg-cursor.js';
import { clientOf, createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';

const EXPIRED = expect.objectContaining({ code: 'LEASE_EXPIRED' });
const IDLE_MS = 60_000;
const LIFE_MS = 300_000;

const tenant = tenantIn('shared');
let database: TenantDatabase;
let backends: Backends;
let clock: ManualClock;
let pool: TestPool;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
  backends = await Backends.of(database.role);
});

beforeEach(() => {
  clock = new ManualClock();
});

afterEach(async () => {
  await expectStillWorks(pool, POOL_OPTIONS.size, backends);
  await pool.end();
  expect(pool.openLeases()).toEqual([]);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

function openPool(limits: Partial<PoolOptions>): void {
  pool = new TestPool(database.target, { statementTimeoutMs: 100_000, ...limits }, { now: clock.now });
}

/** Lets time pass until the pool, which looks at its leases now and then, has ended one. */
async function untilExpired(ms: number): Promise<void> {
  await soon(async () => {
    clock.advance(ms);
    expect(pool.snapshot().closed.expired).toBeGreaterThan(0);
  });
}

describe('a transaction that is never released', () => {
  it('is ended when it has been idle for too long, and the pool serves the waiting callers', async () => {
    openPool({ leaseIdleTimeoutMs: IDLE_MS });
    const forgotten = [clientOf(pool, tenant), clientOf(pool, tenant)];
    for (const client of forgotten) await client.query('BEGIN');
    await forgotten[0]!.query(`INSERT INTO notes (body) VALUES ('never committed')`);
    const waiting = clientOf(pool, tenant).query('SELECT count(*)::int AS count FROM notes');
    await untilExpired(IDLE_MS + 1);
    expect(await waiting).toMatchObject({ rows: [{ count: 0 }] });
    await expect(forgotten[0]!.query('SELECT 1')).rejects.toEqual(EXPIRED);
    await expect(forgotten[0]!.query('COMMIT')).rejects.toEqual(EXPIRED);
    expect(await forgotten[1]!.query('ROLLBACK')).toMatchObject({ command: 'ROLLBACK' });
    for (const client of forgotten) client.release();
  });

  it("no longer counts towards its tenant's share", async () => {
    openPool({ leaseIdleTimeoutMs: IDLE_MS });
    const request = { tenantId: tenant.id, hold: 'lease', share: { maxConcurrent: 1, maxQueued: 1 } } as const;
    const forgotten = await pool.acquire(request);
    const waiting = pool.acquire(request);
    await untilExpired(IDLE_MS + 1);
    (await waiting).release();
    forgotten.release();
  });

  it('is ended after its longest life, although it keeps sending statements', async () => {
    openPool({ leaseTimeoutMs: LIFE_MS, leaseIdleTimeoutMs: IDLE_MS });
    const client = clientOf(pool, tenant);
    await client.query('BEGIN');
    const busy = async (): Promise<void> => {
      for (;;) await client.query('SELECT 1');
    };
    const end = expect(busy()).rejects.toEqual(EXPIRED);
    await untilExpired(IDLE_MS / 2);
    await end;
    client.release();
  });
});

it('a statement does not outlast its lease, even if it lifts its own timeout', async () => {
  openPool({ leaseTimeoutMs: LIFE_MS });
  const client = clientOf(pool, tenant);
  await client.query('BEGIN');
  await client.query('SET LOCAL statement_timeout = 3600000');
  const asleep = expect(client.query('SELECT pg_sleep(1000)')).rejects.toEqual(EXPIRED);
  await untilExpired(LIFE_MS + 1);
  await asleep;
  client.release();
});

it('a stream that is not read is ended, and its reader receives the reason', async () => {
  openPool({ leaseIdleTimeoutMs: IDLE_MS });
  const stream = clientOf(pool, tenant).query(new QueryStream('SELECT generate_series(1, 100000) AS n'));
  stream.once('data', () => stream.pause());
  await once(stream, 'pause');
  const failed = once(stream, 'error');
  await untilExpired(IDLE_MS + 1);
  expect(await failed).toEqual([EXPIRED]);
});

it('a stream outside a transaction lasts for as long as it is read', async () => {
  openPool({});
  const cursor = clientOf(pool, tenant).query(newCursor('SELECT generate_series(1, 100) AS n'));
  await cursor.read(1);
  expect(pool.openLeases()).toMatchObject([{ limit: 'idle' }]);
  await cursor.close();
});

describe('a session', () => {
  const session = (work: (session: SessionLease) => Promise<void>, options?: SessionOptions): Promise<void> =>
    SessionLease.run(accessTo(pool, tenant.stamp), work, options);

  it('is told that it was ended', async () => {
    openPool({ leaseIdleTimeoutMs: IDLE_MS });
    const listening = session(async (opened) => {
      const lost = once(opened, 'lost');
      await untilExpired(IDLE_MS + 1);
      expect(await lost).toEqual([EXPIRED]);
      await opened.query('SELECT 1');
    });
    await expect(listening).rejects.toEqual(EXPIRED);
  });

  it('may be exempt, to listen all the time', async () => {
    openPool({ leaseIdleTimeoutMs: IDLE_MS, leaseTimeoutMs: LIFE_MS });
    const forgotten = clientOf(pool, tenant);
    await session(
      async (listener) => {
        await forgotten.query('BEGIN');
        await untilExpired(LIFE_MS + 1);
        expect(await listener.query('SELECT 1 AS one')).toMatchObject({ rows: [{ one: 1 }] });
      },
      { isUnlimited: true },
    );
    forgotten.release();
  });
});

describe('what counts as idle', () => {
  const limits = new LeaseLimits({ leaseTimeoutMs: 0, leaseIdleTimeoutMs: IDLE_MS, leaseWarningMs: LIFE_MS });
  let lease: CheckedOutConnection;
  const isExpiredAt = (now: number): boolean => limits.reasonToEnd(lease, now) !== undefined;

  beforeEach(async () => {
    openPool({});
    lease = (await pool.acquire({ hold: 'lease' })) as CheckedOutConnection;
    expect(isExpiredAt(0)).toBe(false);
  });

  afterEach(() => lease.release());

  it('a lease on which nothing was sent or received', () => {
    expect(isExpiredAt(IDLE_MS)).toBe(false);
    expect(isExpiredAt(IDLE_MS + 1)).toBe(true);
  });

  it('not life itself, where only idleness is limited', async () => {
    const both = new LeaseLimits({ leaseTimeoutMs: LIFE_MS, leaseIdleTimeoutMs: IDLE_MS, leaseWarningMs: LIFE_MS });
    const isExpired = (): boolean => both.reasonToEnd(lease, clock.now() + 2 * LIFE_MS) !== undefined;
    expect(isExpired()).toBe(true);
    lease.limitLease('idle');
    await lease.client.query('SELECT 1');
    expect(isExpired()).toBe(false);
  });

  it('not a lease that has sent a statement meanwhile', async () => {
    await lease.client.query('SELECT 1');
    expect(isExpiredAt(IDLE_MS + 1)).toBe(false);
    expect(isExpiredAt(2 * IDLE_MS + 2)).toBe(true);
  });

  it('not a lease whose statement is running', async () => {
    const running = lease.client.query('SELECT pg_sleep(0.2)');
    expect(isExpiredAt(1)).toBe(false);
    expect(isExpiredAt(10 * IDLE_MS)).toBe(false);
    await running;
  });

  it('a cursor that waits for its reader, but not one that waits for the server', async () => {
    const cursor = newCursor('SELECT pg_sleep(0.05) FROM generate_series(1, 4)');
    await lease.client.query('BEGIN');
    const finished = new Submission(cursor).run(lease);
    const reading = cursor.read(1);
    expect(isExpiredAt(1)).toBe(false);
    expect(isExpiredAt(10 * IDLE_MS)).toBe(false);
    await reading;
    expect(isExpiredAt(10 * IDLE_MS + 1)).toBe(false);
    expect(isExpiredAt(11 * IDLE_MS + 2)).toBe(true);
    await cursor.close();
    await finished;
    await lease.client.query('COMMIT');
  });
});

it('the end of a lease is logged with its tenant, its limit and the place where it began', async () => {
  const log = new LogRecorder();
  Logger.overrideLogger(log);
  openPool({});
  const options: AppConfig['pool'] = {
    ...{ ...POOL_OPTIONS, leaseIdleTimeoutMs: 1, enabled: true, serverMaxConnections: 90 },
    ...{ tenantMaxConcurrent: undefined, tenantMaxQueued: 100 },
  };
  const pools = new ConnectionPools({ pool: options } as AppConfig);
  const share = { maxConcurrent: 1, maxQueued: 1 };
  const forgotten = await pools.get(database.target).acquire({ tenantId: tenant.id, share, hold: 'lease' });
  await soon(async () => expect(log.matching('warn', /DB_LEASE_IDLE_TIMEOUT/)).toHaveLength(1));
  expect(log.text).toMatch(new RegExp(`tenant ${tenant.id} on [^]*lease-limits\\.spec\\.ts`));
  forgotten.release();
  await pools.close(10_000);
  Logger.overrideLogger(false);
});
