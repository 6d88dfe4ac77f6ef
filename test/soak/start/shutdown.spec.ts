import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { SHUTDOWN_STEPS } from '../../../src/platform/shutdown/shutdown.js';
import { callOnce, KeptConnection } from '../../support/processes/keep-alive.js';
import { asSuperuser, createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { soon } from '../../support/load/soon.js';
import { dropEverything, type Json } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';

/** After this time a signal counts as a second one, not as the same key press. */
const SECOND_SIGNAL_MS = 600;

let redis: TestRedis;
let database: TestDatabase;
let service: Service;
let apiKey: string;
let customer: Json;
const locks: pg.Client[] = [];

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  database = await createTestDatabase('shutdown');
});

afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.end();
  await service.kill();
  await dropEverything(database);
});

async function start(env: Record<string, string> = {}): Promise<void> {
  service = await Service.start(environment(env));
  const demo = JSON.parse(await readFile(join(service.dataDir, 'demo.json'), 'utf8')) as Json;
  apiKey = demo.tenants.find(({ slug }: Json) => slug === 'initech').apiKey;
  [customer] = (await callOnce(service.url, '/api/v1/customers?limit=1', { apiKey })).body.items;
}

function environment(env: Record<string, string> = {}): Record<string, string> {
  return {
    DATABASE_URL: database.url,
    ENABLE_DEMO_TENANTS: 'true',
    ENABLE_REDIS_CACHE: 'true',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(redis.port),
    ...env,
  };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('an instance that receives %s', (signal) => {
  it('logs it, accepts nothing new, completes running requests, closes in order, and leaves no connection open', async () => {
    await start({ LOG_LEVEL: 'debug' });
    const kept = new KeptConnection(service.url);
    await kept.call('/health/live');
    const lock = await lockCustomer();
    const change = { method: 'PATCH', apiKey, body: { version: customer.version, name: 'Changed' } };
    const slow = callOnce(service.url, `/api/v1/customers/${customer.id}`, change);
    await requestsWaiting(1);

    service.signal(signal);
    await service.said(new RegExp(`Received ${signal}, shutting down`));
    const ready = await callOnce(service.url, '/health/ready');
    expect([ready.status, ready.body.status, ready.headers.connection]).toEqual([503, 'shutting_down', 'close']);
    const late = await callOnce(service.url, '/api/v1/orders', { apiKey });
    expect([late.status, late.body.code]).toEqual([503, 'SHUTTING_DOWN']);
    expect(late.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/problem\+json/),
      connection: 'close',
    });
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(0);
    const known = await kept.call('/api/v1/orders', { apiKey });
    expect([known.reused, known.status, known.headers.connection]).toEqual([true, 200, 'close']);
    await soon(() => expect(callOnce(service.url, '/health/live')).rejects.toThrow('ECONNREFUSED'));

    await lock.end();
    expect((await slow).body).toMatchObject({ id: customer.id, name: 'Changed' });
    expect(await service.ended()).toBe(0);
    expect(await connectionsLeft()).toEqual([]);
    expect(await redisClients()).toBe(1); // the connection of this query
    expect(stepsLogged()).toEqual(SHUTDOWN_STEPS.map(({ step }) => step).filter((step) => !step.includes('embedded')));
  });
});

describe('an instance without clients', () => {
  it('stops and leaves no connection open', async () => {
    await start();
    expect(await service.stop()).toBe(0);
    expect(await connectionsLeft()).toEqual([]);
  });
});

describe('an instance that receives a second signal', () => {
  it('cuts running requests and exits with 1', async () => {
    await start();
    const lock = await lockCustomer();
    const slow = callOnce(service.url, `/api/v1/customers/${customer.id}`, { method: 'DELETE', apiKey });
    await requestsWaiting(1);
    service.signal('SIGTERM');
    await delay(SECOND_SIGNAL_MS);
    service.signal('SIGTERM');
    await expect(slow).rejects.toThrow();
    expect(await service.ended()).toBe(1); // neither 0, of an orderly end, nor with the message of the deadline
    expect(service.output).not.toContain('not stopped within');
    await lock.end();
  });
});

describe('a request that does not end during the shutdown', () => {
  it('is cut with an error response, and the instance exits with 0 before its deadline', async () => {
    await start({ SHUTDOWN_TIMEOUT: '3' });
    const lock = await lockCustomer();
    const slow = callOnce(service.url, `/api/v1/customers/${customer.id}`, { method: 'DELETE', apiKey });
    await requestsWaiting(1);
    const { port } = new URL(service.url);
    const upload = connect(Number(port), '127.0.0.1');
    upload.write(
      `POST /api/v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await once(upload, 'connect');
    await callOnce(service.url, '/health/live'); // the upload's head has been read by then
    service.signal('SIGTERM');
    const { status, body } = await slow;
    expect([status, body.code]).toEqual([503, 'TENANT_UNAVAILABLE']);
    await once(upload.resume(), 'close');
    expect(await service.ended()).toBe(0); // at the deadline itself the process would end with 1
    expect(service.output).toMatch(/Aborting 2 unfinished requests: .*DELETE \/api\/v1\/customers\/:id \(\d+ ms\)/);
    await lock.end();
    await soon(async () => expect(await connectionsLeft()).toEqual([]));
  });
});

describe('an instance that receives a signal during its start', () => {
  it('stops what it has started', async () => {
    const starting = Service.start(environment());
    await soon(async () => expect(await connectionsLeft()).not.toEqual([]));
    const [begun] = Service.running;
    begun?.signal('SIGTERM');
    service = await starting;
    expect(await service.ended()).toBe(0);
    expect(await connectionsLeft()).toEqual([]);
  });
});

/** The steps that ended in time, as the log has them. */
function stepsLogged(): string[] {
  return service.lines.flatMap(({ msg }) => /^(.+): done in \d+ ms$/.exec(msg)?.[1] ?? []);
}

/** Locks a row of initech's until the client is ended; a request that changes it waits. */
async function lockCustomer(): Promise<pg.Client> {
  const [target] = await database.admin<{ database: string }>(
    "SELECT database FROM connection_targets WHERE kind = 'dedicated'",
  );
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  const client = new pg.Client({ ...{ host, port, user, password }, database: target?.database ?? '' });
  await client.connect();
  locks.push(client);
  await client.query('BEGIN');
  await client.query('SELECT FROM tenant.customers WHERE id = $1 FOR UPDATE', [customer.id]);
  return client;
}

async function requestsWaiting(count: number): Promise<void> {
  await soon(async () => {
    const rows = await connections("AND wait_event_type = 'Lock'");
    expect(rows).toHaveLength(count);
  });
}

/**
 * The service's connections in pg_stat_activity: to its catalog, and to databases whose names begin with the catalog's.
 */
function connectionsLeft(): Promise<string[]> {
  return connections("AND application_name LIKE 'tenantry%'");
}

async function connections(condition: string): Promise<string[]> {
  const rows = await asSuperuser<{ application_name: string }>(
    'postgres',
    `SELECT application_name FROM pg_stat_activity WHERE starts_with(datname, $1) ${condition}`,
    [database.name],
  );
  return rows.map(({ application_name: name }) => name);
}

async function redisClients(): Promise<number> {
  return String(await redis.send('CLIENT', 'LIST', 'TYPE', 'normal'))
    .trim()
    .split('\n').length;
}
