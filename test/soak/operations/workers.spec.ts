import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { isAlive } from '../../../src/platform/is-alive.js';
import { soon } from '../../support/load/soon.js';
import { Exposition } from '../../support/metrics/exposition.js';
import { createTestDatabase, superuserOf, type TestDatabase } from '../../support/postgres/postgres.js';
import { callOnce } from '../../support/processes/keep-alive.js';
import { Service } from '../../support/processes/service.js';
import { ADMIN_KEY, dropEverything, type Json } from '../../support/test-app.js';

/** Each start of an instance is three processes that compile the application's code. */
jest.setTimeout(300_000);

const WORKERS = 2;
const LIMIT = 20;
/** In each worker, tenants have four connections, which is all that its share leaves them; notifications and the catalog have three. */
const SATURATED = 7 * WORKERS;
const CALLERS = 40;
const ROUTE = '/api/v1/customers';

let database: TestDatabase;
let service: Service;
let connections: ConnectionWatch;

/** Counts the instance's connections, over all databases, as often as it can. */
class ConnectionWatch {
  max = 0;
  private stopped = false;
  private readonly watching = this.watch();

  constructor(private readonly psql: pg.Client) {}

  async stop(): Promise<void> {
    this.stopped = true;
    await this.watching;
    await this.psql.end();
  }

  private async watch(): Promise<void> {
    await null; // after the constructor
    while (!this.stopped) {
      const { rows } = await this.psql.query<{ count: number }>(`
        SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND usename <> current_user`);
      this.max = Math.max(this.max, rows[0]?.count ?? 0);
      await delay(5);
    }
  }
}

/** Callers that each have one request in progress, over a connection of its own, so that all workers get some. */
class Load {
  readonly statuses: number[] = [];
  private stopped = false;
  private readonly callers: Promise<void>[];

  constructor(apiKeys: readonly string[]) {
    this.callers = Array.from({ length: CALLERS }, (_, n) => this.call(apiKeys[n % apiKeys.length] ?? ''));
  }

  get failures(): readonly number[] {
    return this.statuses.filter((status) => status !== 200);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.callers);
  }

  private async call(apiKey: string): Promise<void> {
    while (!this.stopped) {
      const answer = callOnce(service.url, `${ROUTE}?limit=1`, { apiKey });
      const status = await answer.then(
        (response) => response.status,
        () => 0,
      );
      this.statuses.push(status);
    }
  }
}

/** The process id of each worker, by its number. */
async function workerPids(): Promise<Map<number, number>> {
  const pids = new Map<number, number>();
  for (let call = 0; call < 4 * WORKERS; call += 1) {
    const { body } = await callOnce(service.url, '/admin/v1/runtime', { apiKey: ADMIN_KEY });
    pids.set(body.worker, body.pid);
  }
  return pids;
}

async function metrics(): Promise<Exposition> {
  const response = await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  return new Exposition(await response.text());
}

async function apiKeysOf(slugs: readonly string[]): Promise<string[]> {
  const { tenants } = JSON.parse(await readFile(join(service.dataDir, 'demo.json'), 'utf8')) as Json;
  return slugs.map((slug) => tenants.find((tenant: Json) => tenant.slug === slug).apiKey);
}

function start(): Promise<Service> {
  return Service.start({
    ...{ DATABASE_URL: database.url, ENABLE_DEMO_TENANTS: 'true', LOG_LEVEL: 'info' },
    ...{ WORKERS: String(WORKERS), DB_SERVER_MAX_CONNECTIONS: String(LIMIT) },
  });
}

beforeAll(async () => {
  database = await createTestDatabase('workers');
  const psql = new pg.Client(superuserOf('postgres'));
  await psql.connect();
  connections = new ConnectionWatch(psql);
  service = await start();
});

afterAll(async () => {
  await connections.stop();
  await service.kill();
  await dropEverything(database);
});

describe('an instance with two workers', () => {
  it('answers on one port from both, which name themselves in the log', async () => {
    const pids = await workerPids();
    expect([...pids.keys()].toSorted()).toEqual([1, 2]);
    expect(new Set([...pids.values(), service.process.pid]).size).toBe(WORKERS + 1);
    const named = new Set((service.lines as readonly Json[]).map(({ worker, pid }) => `${worker} ${pid}`));
    for (const [worker, pid] of pids) expect(named).toContain(`${worker} ${pid}`);
  });

  it('never has more connections than its limit, also when all callers wait for a lock', async () => {
    const [shared] = await database.admin<{ database: string }>(
      "SELECT database FROM connection_targets WHERE kind = 'shared'",
    );
    const lock = new pg.Client(superuserOf(shared?.database ?? ''));
    await lock.connect();
    const load = new Load(await apiKeysOf(['acme', 'umbrella', 'initech']));
    try {
      await soon(async () => expect(load.statuses.length).toBeGreaterThan(CALLERS));
      await lock.query('BEGIN');
      await lock.query('LOCK TABLE shared.customers IN ACCESS EXCLUSIVE MODE');
      await soon(async () => expect(connections.max).toBeGreaterThanOrEqual(SATURATED));
    } finally {
      await lock.end();
      await load.stop();
    }
    expect(load.failures).toEqual([]);
    expect(connections.max).toBeLessThanOrEqual(LIMIT);
    await soon(async () => {
      const scraped = await metrics();
      const served = scraped.named('tenantry_http_requests_total').filter(({ labels }) => labels['route'] === ROUTE);
      expect(served.map(({ labels }) => labels['worker']).toSorted()).toEqual(['1', '2']);
      expect(served.reduce((sum, { value }) => sum + value, 0)).toBe(load.statuses.length);
    });
  });

  it('shows each worker in one scrape, also when it is asked several times at once', async () => {
    for (const scraped of await Promise.all([metrics(), metrics(), metrics()])) {
      for (const name of ['tenantry_worker_up', 'process_resident_memory_bytes', 'tenantry_catalog_listening']) {
        expect(scraped.named(name).map(({ labels }) => labels['worker'])).toEqual(['1', '2']);
      }
    }
  });

  it('replaces a worker that is killed under load, within the limit of connections, and goes on serving', async () => {
    const before = await workerPids();
    const load = new Load(await apiKeysOf(['acme', 'initech']));
    process.kill(before.get(2) ?? 0, 'SIGKILL');
    await soon(async () => expect((await metrics()).value('tenantry_worker_up', { worker: '2' })).toBe(0));
    await service.said(/Worker 2 listens again/);
    const after = await workerPids();
    await load.stop();
    expect(after.get(1)).toBe(before.get(1));
    expect(after.get(2)).not.toBe(before.get(2));
    expect(load.failures.filter((status) => status !== 0)).toEqual([]); // what the killed process had in hand
    expect(load.failures.length).toBeLessThanOrEqual(CALLERS);
    expect(connections.max).toBeLessThanOrEqual(LIMIT);
    const scraped = await metrics();
    expect(scraped.value('tenantry_worker_up', { worker: '2' })).toBe(1);
    expect(scraped.value('tenantry_worker_restarts_total', { worker: '2' })).toBe(1);
    expect(scraped.value('tenantry_worker_restarts_total', { worker: '1' })).toBe(0);
  });

  it('replaces a worker that receives SIGTERM itself, after it has finished its requests', async () => {
    const before = await workerPids();
    const load = new Load(await apiKeysOf(['acme']));
    process.kill(before.get(1) ?? 0, 'SIGTERM');
    await service.said(/Worker 1 listens again/);
    await load.stop();
    expect(load.failures.filter((status) => status !== 503)).toEqual([]); // 503: SHUTTING_DOWN
    expect((await workerPids()).get(2)).toBe(before.get(2));
  });

  it('refuses a connection limit of a server that is too small for the shares, and a start with one', async () => {
    const refused = await callOnce(service.url, '/admin/v1/servers/default', {
      ...{ method: 'PATCH', apiKey: ADMIN_KEY, body: { maxConnections: 17 } },
    });
    expect(refused).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    await database.admin("UPDATE servers SET max_connections = 17 WHERE name = 'default'");
    await expect(start()).rejects.toThrow(
      /WORKERS +expected to be lower, or the connection limit of the server default, 17, to be at least 18/,
    );
    await database.admin("UPDATE servers SET max_connections = NULL WHERE name = 'default'");
  });

  it('ends on SIGTERM with exit code 0, with every request answered, and leaves no process', async () => {
    const pids = [...(await workerPids()).values()];
    const load = new Load(await apiKeysOf(['umbrella']));
    await soon(async () => expect(load.statuses.length).toBeGreaterThan(CALLERS));
    const stopping = service.stop();
    await load.stop();
    expect(await stopping).toBe(0);
    expect(load.failures.filter((status) => status !== 503)).toEqual([]);
    expect(pids.filter(isAlive)).toEqual([]);
  });
});

it('the workers end in order when their primary is killed', async () => {
  service = await start();
  const pids = [...(await workerPids()).values()];
  const closed = once(service.process, 'close'); // the workers write to its output, too
  service.signal('SIGKILL');
  await closed;
  await soon(async () => expect(pids.filter(isAlive)).toEqual([]));
  const said = (service.lines as readonly Json[]).filter(({ msg }) => msg === 'All connection pools closed');
  expect(said.map(({ worker }) => worker).toSorted()).toEqual([1, 2]);
});
