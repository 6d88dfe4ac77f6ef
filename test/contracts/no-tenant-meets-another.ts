import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import QueryStream from 'pg-query-stream';
import { type ConnectionTarget, sessionTarget } from '../../src/database/connection/connection-target.js';
import { SessionLease } from '../../src/database/transactions/session-lease.js';
import { createStamp } from '../../src/database/statements/stamps/stamp.js';
import type { StampedClient } from '../../src/database/transactions/stamped-client.js';
import type { TenantDatabase } from '../support/postgres/tenant-database.js';
import {
  clientOf,
  createNotesDatabase,
  openPool,
  type PoolKind,
  type TestTenant,
  tenantIn,
} from '../support/statements/notes-database.js';
import { newCursor } from '../support/statements/pg-cursor.js';
import { pick, seededRandom } from '../support/statements/seeded-random.js';
import { accessTo, type TestPool } from '../support/pool/test-pool.js';

const SEED = 4_711;
const SCHEMAS = ['shared', 'alpha', 'beta', 'gamma', 'delta'] as const;
const OPERATIONS_PER_WORKER = 6;
const OPERATIONS_PER_KILL = 40;

// 16 tenants share the tables of one schema, 4 have one of their own.
const TENANTS = [
  ...Array.from({ length: 16 }, () => tenantIn('shared')),
  ...SCHEMAS.slice(1).map((schema) => tenantIn(schema)),
];

/** How the session layer reaches PostgreSQL: directly or through a pooler. */
export interface Route {
  readonly through: (direct: ConnectionTarget) => ConnectionTarget;
  readonly poolSize: number;
  /** The SQLSTATEs that report a dead connection, besides PostgreSQL's own. */
  readonly deaths: readonly string[];
  /** Fails when anything of a tenant is left on a connection that PostgreSQL has open for the pool. */
  readonly expectNothingLeft: (pool: TestPool) => Promise<void>;
}

interface Seen {
  /** Bodies whose write was confirmed; each must be there exactly once. */
  readonly committed: string[];
  /** Bodies that were never committed; none may be there. */
  readonly rolledBack: string[];
  rows: number;
  foreign: unknown[];
  unexpected: unknown[];
  failures: number;
}

/** One caller. Its operations fail where they expect it, and anywhere when a connection dies. */
interface Caller {
  readonly tenant: TestTenant;
  readonly pool: TestPool;
  /** For operations that need a session: the same pool, unless there is a pooler. */
  readonly sessions: TestPool;
  readonly client: StampedClient;
  readonly seen: Seen;
}

const INSERT = 'INSERT INTO notes (body) VALUES ($1)';
const READ = `SELECT tenant_id, body, current_setting('app.tenant_id') AS stamp, current_schema() AS schema FROM notes`;

function newBody({ tenant }: Caller): string {
  return `${tenant.id} ${randomUUID()}`;
}

function inspect({ tenant, seen }: Caller, rows: readonly Record<string, unknown>[]): void {
  for (const row of rows) {
    const own = row['tenant_id'] === tenant.id && row['stamp'] === tenant.id && row['schema'] === tenant.schema;
    if (!own || !String(row['body']).startsWith(tenant.id)) seen.foreign.push({ tenant, row });
  }
  seen.rows += rows.length;
}

async function expectFailure(statement: Promise<unknown>, ...codes: string[]): Promise<void> {
  const failure: unknown = await statement.then(() => undefined).catch((error: unknown) => error);
  if (failure === undefined) throw new Error(`expected ${codes.join(' or ')}, and nothing failed`);
  if (!codes.includes((failure as { code?: string }).code ?? '')) throw failure;
}

const OPERATIONS: readonly ((caller: Caller) => Promise<void>)[] = [
  async function write(caller) {
    const body = newBody(caller);
    await caller.client.query(INSERT, [body]);
    caller.seen.committed.push(body);
  },
  async function read(caller) {
    inspect(caller, (await caller.client.query(READ)).rows);
  },
  async function fail(caller) {
    await expectFailure(caller.client.query('SELECT 1 / $1::int', [0]), '22012');
  },
  async function failToForge(caller) {
    const other = TENANTS.find(({ id }) => id !== caller.tenant.id);
    const forged = 'INSERT INTO notes (tenant_id, body) VALUES ($1, $2)';
    await expectFailure(caller.client.query(forged, [other?.id, newBody(caller)]), '42501');
  },
  async function tryToLeaveSettings(caller) {
    await expectFailure(caller.client.query(`SET app.tenant_id = 'x'`), 'SESSION_STATEMENT_REFUSED');
    await expectFailure(caller.client.query('SELECT 1; SET search_path = alpha'), '42601');
  },
  async function transaction(caller) {
    const bodies = [newBody(caller), newBody(caller)];
    await caller.client.query('BEGIN');
    await caller.client.query(INSERT, [bodies[0]]);
    await caller.client.query('SAVEPOINT a');
    await expectFailure(caller.client.query(INSERT, [bodies[0]]), '23505');
    await caller.client.query('ROLLBACK TO SAVEPOINT a');
    await caller.client.query(INSERT, [bodies[1]]);
    inspect(caller, (await caller.client.query(READ)).rows);
    await caller.client.query('COMMIT');
    caller.seen.committed.push(...bodies);
  },
  async function abortedTransaction(caller) {
    const body = newBody(caller);
    caller.seen.rolledBack.push(body);
    await caller.client.query('BEGIN');
    await caller.client.query(INSERT, [body]);
    await expectFailure(caller.client.query('SELECT 1/0'), '22012');
    await expectFailure(caller.client.query('COMMIT'), 'TRANSACTION_ABORTED');
  },
  async function timeout(caller) {
    const body = newBody(caller);
    caller.seen.rolledBack.push(body);
    await caller.client.query('BEGIN');
    await caller.client.query(INSERT, [body]);
    await caller.client.query('SET LOCAL statement_timeout = 5');
    await expectFailure(caller.client.query('SELECT pg_sleep(9)'), '57014');
    await caller.client.query('ROLLBACK');
  },
  async function releaseWhileRunning(caller) {
    const body = newBody(caller);
    caller.seen.rolledBack.push(body);
    await caller.client.query('BEGIN');
    await caller.client.query(INSERT, [body]);
    const running = caller.client.query('SELECT pg_sleep(0.01)');
    caller.client.release();
    await running.catch(() => undefined); // its caller has gone
  },
  async function releaseBeforeAnswer(caller) {
    const begun = caller.client.query('BEGIN');
    caller.client.release();
    await begun;
  },
  async function stream(caller) {
    const rows: Record<string, unknown>[] = [];
    for await (const row of caller.client.query(new QueryStream(READ, [], { batchSize: 5 }))) {
      rows.push(row as Record<string, unknown>);
      if (rows.length === 12) break;
    }
    inspect(caller, rows);
  },
  async function failingCursor(caller) {
    const cursor = caller.client.query(newCursor(`${READ} WHERE 1 / (length(body) - length(body)) = 1`));
    const rows = await cursor.read(5).catch((error: unknown) => {
      if ((error as { code?: string }).code !== '22012') throw error;
      return [];
    });
    if (rows.length > 0) throw new Error('division by zero gave rows');
  },
  async function session(caller) {
    const body = newBody(caller);
    await SessionLease.run(accessTo(caller.sessions, caller.tenant.stamp), async (session) => {
      await session.query(`SET shop.left_behind = '${caller.tenant.id}'`);
      await session.lock('left behind');
      await session.listen('left behind');
      await session.query(INSERT, [body]);
      caller.seen.committed.push(body);
      inspect(caller, (await session.query(READ)).rows);
      await session.query('BEGIN');
      await session.query('CREATE TEMP TABLE scratch (id int)');
    });
  },
];

/** The connection died or could not be opened: allowed wherever backends are killed. */
function isConnectionDeath(error: unknown, deaths: readonly string[]): boolean {
  const { code = '', message } = error as { code?: string; message?: string };
  if (['57P01', 'TRANSACTION_LOST', 'TENANT_UNAVAILABLE', 'ECONNRESET', 'EPIPE', ...deaths].includes(code)) return true;
  return /Connection terminated|not queryable|connection error|Client was closed/.test(message ?? '');
}

async function work(
  caller: Omit<Caller, 'client'>,
  { deaths }: Route,
  random: () => number,
  onDone: () => Promise<void>,
): Promise<void> {
  for (let index = 0; index < OPERATIONS_PER_WORKER; index += 1) {
    const client = clientOf(caller.pool, caller.tenant);
    try {
      await pick(random, OPERATIONS)({ ...caller, client });
    } catch (error) {
      if (!isConnectionDeath(error, deaths)) caller.seen.unexpected.push(error);
      caller.seen.failures += 1;
    } finally {
      client.release();
    }
    await onDone();
  }
}

export function noTenantMeetsAnotherContract(way: Route): void {
  let database: TenantDatabase;

  beforeAll(async () => {
    database = await createNotesDatabase(...SCHEMAS);
  });

  afterAll(() => database.drop());

  describe.each<[PoolKind, number]>([
    ['pooled', 200],
    ['direct', 24],
  ])('tenants over %s connections, with %d callers', (kind, workers) => {
    it('read and write only their own rows whatever fails, and leave nothing behind on connections', async () => {
      const target = way.through(database.target);
      const pool = openPool(kind, target, { size: way.poolSize });
      const around = sessionTarget(target);
      const sessions = around === target ? pool : openPool(kind, around);
      const seen: Seen = { committed: [], rolledBack: [], rows: 0, foreign: [], unexpected: [], failures: 0 };
      const random = seededRandom(SEED);
      let done = 0;
      let killed = 0;
      let killDue = OPERATIONS_PER_KILL;
      const killOneRegularly = async (): Promise<void> => {
        done += 1;
        if (done < killDue) return;
        const backends = await database.admin<{ pid: number }>(
          'SELECT pid FROM pg_stat_activity WHERE usename = $1 ORDER BY pid',
          [database.role],
        );
        if (backends.length === 0) return; // direct connections come and go: the next operation tries again
        killDue = done + OPERATIONS_PER_KILL;
        await database.admin('SELECT pg_terminate_backend($1)', [pick(random, backends).pid]);
        killed += 1;
      };
      await Promise.all(
        Array.from({ length: workers }, (_, index) =>
          work(
            { tenant: asServed(TENANTS[index % TENANTS.length] as TestTenant, target), pool, sessions, seen },
            way,
            seededRandom(SEED + index),
            killOneRegularly,
          ),
        ),
      );

      expect(seen.foreign).toEqual([]);
      expect(seen.unexpected).toEqual([]);
      expect(seen.rows).toBeGreaterThan(workers);
      expect(killed).toBeGreaterThan((workers * OPERATIONS_PER_WORKER) / OPERATIONS_PER_KILL / 2);
      expect(seen.failures).toBeLessThan(killed * 12);
      await expectEveryRowInItsSchema(database, seen);
      if (kind === 'pooled') {
        await way.expectNothingLeft(pool);
        expect(pool.counts()).toMatchObject({ busy: 0, waiting: 0 });
      }
      for (const each of [pool, sessions]) {
        await each.end();
        expect(each.counts()).toMatchObject({ total: 0 });
      }
    });
  });
}

/** Behind a pooler the stamp carries the deadline of its statement, too. */
function asServed(tenant: TestTenant, { server }: ConnectionTarget): TestTenant {
  return server.aroundPooler
    ? { ...tenant, stamp: createStamp(tenant.id, tenant.schema, { statementTimeoutMs: 10_000 }) }
    : tenant;
}

async function expectEveryRowInItsSchema(database: TenantDatabase, { committed, rolledBack }: Seen): Promise<void> {
  const present = new Map<string, number>();
  for (const schema of SCHEMAS) {
    const rows = await database.admin<{ tenant_id: string; body: string }>(
      `SELECT tenant_id, body FROM ${schema}.notes`,
    );
    for (const { tenant_id: owner, body } of rows) {
      expect(body.startsWith(owner)).toBe(true);
      expect(TENANTS.find(({ id }) => id === owner)?.schema).toBe(schema);
      present.set(body, (present.get(body) ?? 0) + 1);
    }
  }
  expect(committed.filter((body) => present.get(body) !== 1)).toEqual([]);
  expect(rolledBack.filter((body) => present.has(body))).toEqual([]);
}
