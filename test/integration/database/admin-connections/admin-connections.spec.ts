import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import {
  MAX_ADMIN_CONNECTIONS,
  AdminConnections,
} from '../../../../src/database/admin-connections/admin-connections.js';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { soon } from '../../../support/load/soon.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { ownerTarget } from '../../../support/tables/migration-fixture.js';
import { isNamedFor } from '../../../../src/platform/postgres/application-name.js';

/** Time for running work at the end of a test. */
const GRACE_MS = 10_000;

function connections(pool: Partial<AppConfig['pool']> = {}): AdminConnections {
  const { reuse: enabled, ...options } = POOL_OPTIONS;
  return new AdminConnections({
    pool: { enabled, serverMaxConnections: 30, ...options, ...pool },
  } as unknown as AppConfig);
}

let databases: TestDatabase[];
let target: ConnectionTarget;
let owners: AdminConnections;
beforeAll(async () => {
  databases = [];
  for (let n = 0; n < 10; n += 1) databases.push(await createTestDatabase('owner'));
  target = targetOf(0);
});
afterAll(async () => {
  for (const database of databases) await database.drop();
});
beforeEach(() => {
  owners = connections();
});
afterEach(() => owners.close(GRACE_MS));

function targetOf(n: number): ConnectionTarget {
  return ownerTarget(databases[n % databases.length]?.name ?? '');
}

async function backends(): Promise<number> {
  const names = databases.map(({ name }) => name);
  const rows = await asSuperuser<{ n: number }>(
    'postgres',
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE ${isNamedFor('owner')} AND datname = ANY ($1)`,
    [names],
  );
  return rows[0]?.n ?? 0;
}

async function pidOf(client: pg.ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid;
}

function pid(): Promise<number | undefined> {
  return owners.use(target, pidOf);
}

function held(): { readonly until: Promise<void>; readonly letGo: () => void } {
  let letGo!: () => void;
  const until = new Promise<void>((resolve) => (letGo = resolve));
  return { until, letGo };
}

/** Every connection of the server is in use; gives the ways to end each use. */
async function holdAll(): Promise<(() => Promise<void>)[]> {
  let working = 0;
  const holds = Array.from({ length: MAX_ADMIN_CONNECTIONS }, (_, n) => {
    const { until, letGo } = held();
    const use = owners.use(targetOf(n), () => {
      working += 1;
      return until;
    });
    return () => {
      letGo();
      return use;
    };
  });
  await soon(async () => expect(working).toBe(MAX_ADMIN_CONNECTIONS));
  return holds;
}

describe('admin connections', () => {
  it('never exceed the limit over all databases of a server', async () => {
    let open = 0;
    let most = 0;
    const names = new Set<string>();
    const use = (n: number): Promise<void> =>
      owners.use(targetOf(n), async (client) => {
        most = Math.max(most, (open += 1));
        const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name, pg_sleep(0.02)');
        expect(rows[0]?.name).toBe(targetOf(n).database);
        names.add(rows[0]?.name ?? '');
        open -= 1;
      });
    const watch = { goesOn: true, most: 0 };
    const watched = (async () => {
      while (watch.goesOn) watch.most = Math.max(watch.most, await backends());
    })();
    await Promise.all(Array.from({ length: 50 }, (_, n) => use(n)));
    watch.goesOn = false;
    await watched;
    expect(names.size).toBe(10);
    expect(most).toBe(MAX_ADMIN_CONNECTIONS);
    expect(watch.most).toBeGreaterThan(0);
    expect(watch.most).toBeLessThanOrEqual(MAX_ADMIN_CONNECTIONS);
  });

  it('are reused for the same database and closed for another one at the limit', async () => {
    const first = await pid();
    expect(await pid()).toBe(first);
    for (let n = 1; n <= MAX_ADMIN_CONNECTIONS; n += 1) await owners.use(targetOf(n), pidOf);
    expect(await backends()).toBe(MAX_ADMIN_CONNECTIONS);
    expect(await pid()).not.toBe(first); // the one that had been idle for longest
  });

  it('are reused after work that makes tables and changes the session, of which nothing is left', async () => {
    const used = await owners.use(target, async (client) => {
      await client.query('CREATE TABLE reused_for (id int); CREATE TEMPORARY TABLE left_behind (id int)');
      await client.query("SET statement_timeout = 12345; SET TimeZone = 'Asia/Tokyo'; LISTEN something");
      await client.query('SELECT pg_advisory_lock(4711)');
      return pidOf(client);
    });
    await owners.use(target, async (client) => {
      expect(await pidOf(client)).toBe(used);
      const { rows } = await client.query(`
        SELECT to_regclass('left_behind') AS "table", current_setting('statement_timeout') AS timeout,
               current_setting('TimeZone') = 'Asia/Tokyo' AS moved, array(SELECT pg_listening_channels()) AS channels,
               (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`);
      expect(rows).toEqual([{ table: null, timeout: '0', moved: false, channels: [], locks: 0 }]);
    });
  });

  it('are not kept with pooling off', async () => {
    const direct = connections({ enabled: false });
    const first = await direct.use(target, pidOf);
    expect(await direct.use(target, pidOf)).not.toBe(first);
    expect(await backends()).toBe(0);
    await direct.close(GRACE_MS);
  });

  it('go to the databases in order, to those that have none first, and are waited for until the deadline', async () => {
    await owners.close(GRACE_MS);
    owners = connections({ timeoutMs: 500 });
    const holds = await holdAll();
    const waits = [owners.use(target, pidOf), owners.use(target, pidOf)];
    const [failure] = await Promise.all(waits.map((wait) => wait.catch((error: unknown) => error)));
    expect(failure).toMatchObject({
      code: 'POOL_TIMEOUT',
      serverId: 'test',
      busy: MAX_ADMIN_CONNECTIONS,
      waitedMs: 500,
    });
    const order: number[] = [];
    const take = (n: number): Promise<void> => owners.use(targetOf(n), async () => void order.push(n));
    const turns = [take(1), ...[4, 5, 6, 7].map(take)];
    await holds[0]?.(); // one place, which they have one after the other
    await Promise.all(turns.slice(1));
    expect(order.filter((n) => n !== 1)).toEqual([4, 5, 6, 7]);
    expect(order[0]).toBe(4);
    await Promise.all(holds.map((letGo) => letGo()));
    await turns[0];
  });
});

describe('a task on an admin connection', () => {
  const leaves: [string, (client: pg.ClientBase) => Promise<unknown>][] = [
    ['settings', (client) => client.query(`SET search_path = nowhere; SET lock_timeout = '3s'`)],
    ['an advisory lock', (client) => client.query('SELECT pg_advisory_lock(4711)')],
    ['a temporary table', (client) => client.query('CREATE TEMPORARY TABLE leftover (id int)')],
    ['a subscription', (client) => client.query('LISTEN leftover')],
    ['a named statement', (client) => client.query({ name: 'leftover', text: 'SELECT 1', values: [] })],
    ['an open transaction', (client) => client.query('BEGIN; CREATE TABLE never_committed (id int)')],
    ['a failed transaction', (client) => client.query('BEGIN').then(() => client.query('SELECT 1/0'))],
  ];

  it.each(leaves)('leaves nothing to the next one: %s', async (_what, leave) => {
    await owners.use(target, leave).catch(() => undefined);
    const state = await owners.use(target, async (client) => {
      const { rows } = await client.query(
        `SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS timeout,
                (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database =
                   (SELECT oid FROM pg_database WHERE datname = current_database())) AS locks,
                to_regclass('pg_temp.leftover') AS temporary, to_regclass('never_committed') AS uncommitted,
                (SELECT count(*)::int FROM pg_prepared_statements) AS prepared,
                (SELECT count(*)::int FROM pg_listening_channels()) AS channels`,
      );
      expect((await client.query({ name: 'leftover', text: 'SELECT 2 AS n', values: [] })).rows).toEqual([{ n: 2 }]);
      expect(client.getTransactionStatus()).toBe('I');
      return rows[0] as unknown;
    });
    const clean = { path: '"$user", public', timeout: '0', locks: 0, temporary: null, uncommitted: null };
    expect(state).toEqual({ ...clean, prepared: 0, channels: 0 });
  });

  it('holds no lock once it has settled', async () => {
    await owners.use(target, (client) => client.query('BEGIN; SELECT pg_advisory_lock(4712)'));
    const rows = await databases[0]?.admin<{ free: boolean }>('SELECT pg_try_advisory_lock(4712) AS free');
    expect(rows).toEqual([{ free: true }]);
  });
});

describe('a signal of an admin task', () => {
  it('ends the wait for a connection', async () => {
    const holds = await holdAll();
    const stop = new AbortController();
    const wait = owners.use(target, pidOf, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    await Promise.all(holds.map((letGo) => letGo()));
    expect(await pid()).toEqual(expect.any(Number));
  });

  it('cancels the running statement on the server and allows no other one', async () => {
    const stop = new AbortController();
    let cancelled: unknown;
    let after: unknown;
    const use = owners.use(
      target,
      async (client) => {
        cancelled = await client.query('SELECT pg_sleep(600)').catch((error: unknown) => error);
        after = await client.query('SELECT 1').catch((error: unknown) => error);
        throw new Error('what work says');
      },
      { signal: stop.signal },
    );
    const sleepers = (): Promise<unknown[]> =>
      asSuperuser('postgres', `SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND datname = $1`, [
        target.database,
      ]);
    await soon(async () => expect(await sleepers()).toHaveLength(1));
    stop.abort(new Error('enough'));
    await expect(use).rejects.toThrow('enough');
    expect(cancelled).toMatchObject({ code: '57014' }); // the server's own word, not a socket that was closed
    expect(after).toBeInstanceOf(Error);
    await soon(async () => expect(await sleepers()).toHaveLength(0));
  });
});

describe('a server that becomes unavailable', () => {
  it('fails the running admin task, and the next one reconnects', async () => {
    const proxy = await TcpProxy.before(target.server);
    const through = proxy.through(target);
    await owners.use(through, pidOf);
    const cut = owners.use(through, async (client) => {
      const answer = client.query('SELECT pg_sleep(600)');
      proxy.cut();
      await answer;
    });
    await expect(cut).rejects.toThrow();
    await expect(owners.use(through, pidOf)).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    proxy.mend();
    expect(await owners.use(through, pidOf)).toEqual(expect.any(Number));
    await owners.close(GRACE_MS);
    await proxy.close();
  });

  it('raises no unhandled error for an idle admin connection', async () => {
    const first = await pid();
    await asSuperuser('postgres', 'SELECT pg_terminate_backend($1)', [first]);
    expect(await pid()).not.toBe(first);
  });
});

describe('an admin task at shutdown', () => {
  it('is waited for when it ends in time, and no other one starts', async () => {
    const { until, letGo } = held();
    let isRunning = false;
    const use = owners.use(target, async (client) => {
      isRunning = true;
      await until;
      return pidOf(client);
    });
    await soon(async () => expect(isRunning).toBe(true));
    const closed = owners.close(GRACE_MS);
    await expect(owners.use(target, pidOf)).rejects.toMatchObject({ code: 'POOL_ENDED' });
    letGo();
    expect(await use).toEqual(expect.any(Number));
    await closed;
    expect(await backends()).toBe(0);
  });

  it('does not begin when its connection is still being opened', async () => {
    let isRunning = false;
    const use = owners.use(target, async () => void (isRunning = true));
    const outcome = expect(use).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await owners.close(GRACE_MS);
    await outcome;
    expect(isRunning).toBe(false);
    await soon(async () => expect(await backends()).toBe(0));
  });

  it('is cancelled when it does not end in time', async () => {
    const use = owners.use(target, (client) => client.query('SELECT pg_sleep(600)'));
    const outcome = expect(use).rejects.toMatchObject({ code: 'POOL_ENDED' });
    await soon(async () => expect(await backends()).toBe(1));
    await owners.close(50);
    await outcome;
    await soon(async () => expect(await backends()).toBe(0));
  });
});
