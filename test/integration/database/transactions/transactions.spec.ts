import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PooledConnection } from '../../../../src/database/pool/connection-pool.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import {
  clientOf,
  createNotesDatabase,
  leftovers,
  NOTHING_LEFT,
  openPool,
  POOL_KINDS,
  tenantIn,
} from '../../../support/statements/notes-database.js';
import { isLostConnection } from '../../../../src/platform/postgres/lost-connection.js';
import { soon } from '../../../support/load/soon.js';
import { WireTap } from '../../../support/statements/wire-tap.js';
import type { TestPool } from '../../../support/pool/test-pool.js';

const IDENTITY = `SELECT current_setting('app.tenant_id') AS tenant, current_schema() AS schema`;
const tenant = tenantIn('shared');
const stamped = [{ tenant: tenant.id, schema: 'shared' }];

let database: TenantDatabase;

beforeAll(async () => {
  database = await createNotesDatabase('shared');
});

afterAll(() => database.drop());

describe.each(POOL_KINDS)('a transaction (%s)', (kind) => {
  let tap: WireTap;
  let pool: TestPool;
  let client: StampedClient;

  beforeEach(async () => {
    tap = await WireTap.before(database.target);
    pool = openPool(kind, tap.through(database.target));
    (await pool.acquire()).release();
    tap.take();
    client = clientOf(pool, tenant);
  });

  afterEach(async () => {
    client.release();
    if (kind === 'pooled') expect(await leftovers(pool)).toEqual([NOTHING_LEFT, NOTHING_LEFT, NOTHING_LEFT]);
    await pool.end();
    await tap.close();
    await database.admin('DELETE FROM shared.notes');
  });

  const bodies = async (): Promise<unknown[]> =>
    (await database.admin('SELECT body FROM shared.notes ORDER BY body')).map(({ body }) => body as unknown);

  const killBackend = async (): Promise<void> => {
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await database.admin('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  };

  it('begins together with its first statement, and needs no other stamp', async () => {
    await client.query('BEGIN');
    expect(tap.take().replaceAll(/[QpX]/g, '')).toBe('');
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
    expect(tap.take()).toBe('PBEPBEPBDES');
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
    expect(tap.take()).toBe('PBDES');
    await client.query('COMMIT');
    expect(tap.take().replace('X', '')).toBe('PBDES');
  });

  it('is stamped whatever comments BEGIN has', async () => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ -- no stamp');
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
    expect((await client.query('SHOW transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'repeatable read' },
    ]);
    await client.query('COMMIT');
  });

  it('takes an isolation level as its first statement', async () => {
    await client.query('START TRANSACTION');
    await client.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
    expect((await client.query('SHOW transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'serializable' },
    ]);
    await client.query('COMMIT');
  });

  it('keeps its stamp through savepoints and errors', async () => {
    await client.query('BEGIN');
    await client.query('SAVEPOINT a');
    await client.query(`INSERT INTO notes (body) VALUES ('undone')`);
    await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
    await client.query('ROLLBACK TO SAVEPOINT a');
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
    await client.query(`INSERT INTO notes (body) VALUES ('kept')`);
    await client.query('RELEASE SAVEPOINT a');
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
    await client.query('COMMIT');
    expect(await bodies()).toEqual(['kept']);
  });

  it('leaves nothing behind when it is rolled back', async () => {
    await client.query('BEGIN');
    await client.query(`INSERT INTO notes (body) VALUES ('undone')`);
    await client.query('SET LOCAL statement_timeout = 1234');
    await client.query('ROLLBACK');
    expect(await bodies()).toEqual([]);
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
  });

  it('reports a connection that was lost between two statements with its code', async () => {
    for (const next of ['SELECT 1', 'COMMIT']) {
      await client.query('BEGIN');
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      const { total } = pool.counts();
      await database.admin('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      await soon(async () => expect(pool.counts().total).toBeLessThan(total));
      await expect(client.query(next)).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
      await client.query('ROLLBACK').catch(() => undefined);
    }
  });

  it.each(['BEGIN READ ONLY', 'SET TRANSACTION READ ONLY', 'SET LOCAL transaction_read_only = on'])(
    'that %s has made read-only refuses a write as PostgreSQL does, and the server stays in use',
    async (mode) => {
      if (!mode.startsWith('BEGIN')) await client.query('BEGIN');
      await client.query(mode);
      const refused = await client
        .query(`INSERT INTO notes (body) VALUES ('refused')`)
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: '25006' });
      expect(isLostConnection(refused)).toBe(false);
      await client.query('ROLLBACK');
      await client.query(`INSERT INTO notes (body) VALUES ('taken')`);
      expect(await bodies()).toEqual(['taken']);
      if (kind === 'pooled') expect(pool.snapshot().closed.discarded ?? 0).toBe(0);
    },
  );

  it('is not reported as committed when an earlier error has aborted it', async () => {
    await client.query('BEGIN');
    await client.query(`INSERT INTO notes (body) VALUES ('lost')`);
    await expect(client.query('SELECT 1/0')).rejects.toThrow();
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await expect(client.query('COMMIT')).rejects.toMatchObject({
      code: 'TRANSACTION_ABORTED',
      cause: { code: '22012' },
    });
    expect(await bodies()).toEqual([]);
    await expect(client.query('ROLLBACK')).resolves.toMatchObject({ command: 'ROLLBACK' });
  });

  it('fails at COMMIT on a deferred constraint, and its connection stays in the pool', async () => {
    await client.query('BEGIN');
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await client.query(`INSERT INTO notes (body, parent) VALUES ('orphan', -1)`);
    await expect(client.query('COMMIT')).rejects.toMatchObject({ code: '23503' });
    expect(await bodies()).toEqual([]);
    if (kind === 'pooled') expect((await client.query('SELECT pg_backend_pid() AS pid')).rows).toEqual(rows);
  });

  it('ends when its connection dies: COMMIT fails, and ROLLBACK has nothing left to do', async () => {
    for (const end of ['COMMIT', 'ROLLBACK']) {
      await client.query('BEGIN');
      await client.query(`INSERT INTO notes (body) VALUES ('lost')`);
      await killBackend();
      await expect(client.query('SELECT 1')).rejects.toThrow();
      await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
      const ended = client.query(end);
      if (end === 'COMMIT') await expect(ended).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
      else await expect(ended).resolves.toMatchObject({ command: 'ROLLBACK' });
    }
    expect(await bodies()).toEqual([]);
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
  });

  it('is rolled back without waiting for a statement that timed out', async () => {
    await pool.end();
    pool = openPool(kind, tap.through(database.target), { statementTimeoutMs: 300 });
    client = clientOf(pool, tenant);
    await client.query('BEGIN');
    await client.query(`INSERT INTO notes (body) VALUES ('lost')`);
    tap.freeze();
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'STATEMENT_TIMEOUT' });
    tap.take();
    await expect(client.query('ROLLBACK')).resolves.toMatchObject({ command: 'ROLLBACK' });
    expect(tap.take()).not.toMatch(/[QP]/); // no statement was sent that could wait for an answer
    tap.thaw();
  });

  it('is rolled back when its caller releases it, whatever is running', async () => {
    await client.query('BEGIN');
    await client.query(`INSERT INTO notes (body) VALUES ('abandoned')`);
    const running = client.query('SELECT pg_sleep(5)');
    const queued = client.query(`INSERT INTO notes (body) VALUES ('queued')`);
    client.release();
    await expect(running).rejects.toThrow();
    await expect(queued).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await bodies()).toEqual([]);
  });

  it('is rolled back when its caller releases it before it has begun', async () => {
    const begun = client.query('BEGIN');
    client.release();
    await begun;
    await pool.end();
    pool = openPool(kind, tap.through(database.target));
    const left = await database.admin(`SELECT pid FROM pg_stat_activity WHERE usename = $1 AND state LIKE 'idle in%'`, [
      database.role,
    ]);
    expect(left).toEqual([]);
  });

  it('runs statements sent together in order', async () => {
    await client.query('BEGIN');
    const answers = await Promise.allSettled([
      client.query(`INSERT INTO notes (body) VALUES ('first')`),
      client.query('SELECT 1/0'),
      client.query(`INSERT INTO notes (body) VALUES ('second')`),
      client.query('ROLLBACK'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await bodies()).toEqual([]);
  });

  it('allows one at a time, and a failed BEGIN does not block the next one', async () => {
    await client.query('BEGIN');
    await expect(client.query('BEGIN')).rejects.toMatchObject({ code: 'TRANSACTION_ALREADY_OPEN' });
    await client.query('ROLLBACK');
    const exhausted = {
      target: pool.target,
      acquire: () => Promise.reject(new Error('no connection')),
      tryAcquire: () => undefined,
      counts: () => pool.counts(),
    };
    const waiting = clientOf(exhausted, tenant);
    await expect(waiting.query('BEGIN')).rejects.toThrow('no connection');
    await expect(waiting.query('BEGIN')).rejects.toThrow('no connection');
  });

  it('sends nothing when it ends without a statement', async () => {
    tap.take();
    for (const end of ['COMMIT', 'ROLLBACK']) {
      await client.query('BEGIN');
      expect(await client.query(end)).toMatchObject({ command: end, rows: [] });
    }
    expect(tap.take().replaceAll(/[QpX]/g, '')).toBe('');
  });

  it('survives the late failure of an earlier, abandoned BEGIN', async () => {
    let fail: (error: Error) => void = () => undefined;
    const answers: Promise<PooledConnection>[] = [new Promise((_, reject) => (fail = reject))];
    const slowFirst = {
      target: pool.target,
      acquire: () => answers.shift() ?? pool.acquire(),
      tryAcquire: () => undefined,
      counts: () => pool.counts(),
    };
    client = clientOf(slowFirst, tenant);
    const first = client.query('BEGIN');
    const givenUp = client.query('ROLLBACK');
    const second = client.query('BEGIN');
    fail(new Error('no connection'));
    await expect(first).rejects.toThrow('no connection');
    await expect(givenUp).rejects.toThrow('no connection');
    await second;
    await client.query(`INSERT INTO notes (body) VALUES ('undone')`);
    await client.query('ROLLBACK');
    expect(await bodies()).toEqual([]);
  });

  it('ends only by COMMIT or ROLLBACK, which do nothing outside one', async () => {
    await expect(client.query('COMMIT')).resolves.toMatchObject({ command: 'COMMIT' });
    await expect(client.query('ROLLBACK')).resolves.toMatchObject({ command: 'ROLLBACK' });
    expect(tap.take()).toBe('');
  });

  it('supports callbacks as node-postgres does', async () => {
    const answer = await new Promise((resolve, reject) => {
      client.query(IDENTITY, (error, result) => (error ? reject(error) : resolve(result?.rows)));
    });
    expect(answer).toEqual(stamped);
    const failure = await new Promise((resolve) => {
      client.query('SELECT $1::int / 0', [1], (error) => resolve(error));
    });
    expect(failure).toMatchObject({ code: '22012' });
  });

  it.each([
    ['values that are no list', { text: 'SELECT $1', values: 'abc' as never }, /must be an array/],
    ['a value that cannot be sent', { text: 'SELECT $1::text', values: [circular()] }, /circular/],
    [
      'more values than the protocol counts',
      { text: 'SELECT 1', values: Array.from({ length: 65_540 }, () => 1) },
      /./,
    ],
    ['a text with a zero byte', { text: `SELECT 'a\0b'` }, /./],
  ])('survives %s', async (_, config, message) => {
    await expect(client.query(config)).rejects.toThrow(message);
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
    await client.query('BEGIN');
    await expect(client.query(config)).rejects.toThrow(message);
    await client.query('ROLLBACK');
    expect((await client.query(IDENTITY)).rows).toEqual(stamped);
  });
});

function circular(): object {
  const self: { self?: unknown } = {};
  self.self = self;
  return self;
}
