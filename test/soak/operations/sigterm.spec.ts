import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { SHUTDOWN_STEPS } from '../../../src/platform/shutdown/shutdown.js';
import { Follower } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { callOnce, type KeptAnswer } from '../../support/processes/keep-alive.js';
import { Service } from '../../support/processes/service.js';
import { ADMIN_KEY, dropEverything, type Json } from '../../support/test-app.js';

const MAIN = fileURLToPath(new URL('../../support/processes/main-with-export.mjs', import.meta.url));
const EXPORTED_BYTES = 2_000 * 10_000;
const TIMEOUT_S = 10;

let database: TestDatabase;
let service: Service;
let apiKey: string;
let locks: pg.Client[];
/** What has ended, in this order. */
let ended: string[];

beforeEach(async () => {
  [locks, ended] = [[], []];
  database = await createTestDatabase('sigterm');
  const env = { DATABASE_URL: database.url, ENABLE_DEMO_TENANTS: 'true', LOG_LEVEL: 'debug' };
  service = await Service.start({ ...env, SHUTDOWN_TIMEOUT: String(TIMEOUT_S) }, undefined, MAIN);
  const demo = JSON.parse(await readFile(join(service.dataDir, 'demo.json'), 'utf8')) as Json;
  apiKey = demo.tenants.find(({ slug }: Json) => slug === 'initech').apiKey;
});

afterEach(async () => {
  for (const lock of locks) await lock.end();
  await service.kill();
  await dropEverything(database);
});

/** Holds locks until the client is ended. */
async function lock(name: string, statement: string): Promise<pg.Client> {
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  const client = new pg.Client({ host, port, user, password, database: name });
  await client.connect();
  locks.push(client);
  await client.query('BEGIN');
  await client.query(statement);
  return client;
}

async function waitingFor({ length }: readonly pg.Client[]): Promise<void> {
  await soon(async () => {
    const [row] = await database.admin<{ waiting: number }>(
      "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE starts_with(datname, $1) AND wait_event_type = 'Lock'",
      [database.name],
    );
    expect(row?.waiting).toBe(length);
  });
}

function noted<T>(name: string, work: Promise<T>): Promise<T> {
  return work.finally(() => ended.push(name));
}

/** The response to a download whose body is not read yet. */
async function download(): Promise<IncomingMessage> {
  const call = request(`${service.url}/export`, { headers: { authorization: `Bearer ${apiKey}` }, agent: false });
  call.on('error', () => undefined);
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  return response;
}

async function bytesOf(response: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  return bytes;
}

/** Follows an operation by asking for it over and over, as long as it is answered. */
async function poll(path: string): Promise<void> {
  for (let status = 200; status === 200;) {
    status = await callOnce(service.url, path, { apiKey: ADMIN_KEY }).then(
      (answer) => answer.status,
      () => 0,
    );
  }
}

it('SIGTERM with slow and endless requests, streams, followers and an operation in hand ends in the written order, in time', async () => {
  const [target] = await database.admin<{ database: string }>(
    "SELECT database FROM connection_targets WHERE kind = 'dedicated'",
  );
  const [one, other] = (await callOnce(service.url, '/api/v1/customers?limit=2', { apiKey })).body.items;
  const lockRow = ({ id }: Json): Promise<pg.Client> =>
    lock(target?.database ?? '', `SELECT FROM tenant.customers WHERE id = '${id}' FOR UPDATE`);
  const change = ({ id, version }: Json): Promise<KeptAnswer> =>
    callOnce(service.url, `/api/v1/customers/${id}`, { method: 'PATCH', apiKey, body: { version, name: 'Changed' } });
  const slowLock = await lockRow(one);
  await lockRow(other);
  await lock(database.name, 'LOCK TABLE tenantry.idempotency_keys IN ACCESS EXCLUSIVE MODE');

  const slow = noted('slow request', change(one));
  const endless = noted('endless request', change(other));
  const [read, unread] = [await download(), await download()];
  const requested = { method: 'POST', apiKey: ADMIN_KEY, body: { kind: 'reseal' } };
  const operation = (await callOnce(service.url, '/admin/v1/operations', requested)).headers.location ?? '';
  const follower = await Follower.of(`${service.url}${operation}/events`);
  await soon(async () => expect(follower.events).not.toEqual([]));
  await waitingFor(locks);

  service.signal('SIGTERM');
  const polling = noted('polling follower', poll(operation));
  await noted('follower', follower.ended());
  await polling;
  await slowLock.end();
  expect((await slow).status).toBe(200);
  expect(await noted('stream', bytesOf(read))).toBe(EXPORTED_BYTES);
  expect((await endless).body.code).toBe('TENANT_UNAVAILABLE');
  await expect(noted('unread stream', bytesOf(unread))).rejects.toThrow();
  expect(await noted('process', service.ended())).toBe(0); // 1 would be the end of SHUTDOWN_TIMEOUT

  expect(ended.slice(0, 2).toSorted()).toEqual(['follower', 'polling follower']);
  expect(ended.slice(2)).toEqual(['slow request', 'stream', 'endless request', 'unread stream', 'process']);
  const lines = service.lines as readonly Json[];
  const ofShutdown = lines.filter(({ context }) => context === 'Shutdown');
  const unused = ['close Redis', 'end traces and metrics', 'stop embedded PostgreSQL'];
  const steps = ofShutdown.map(({ msg }) => msg.split(':')[0]);
  expect(steps.filter((step: string) => !unused.includes(step))).toEqual(
    SHUTDOWN_STEPS.map(({ step }) => step).filter((step) => !unused.includes(step)),
  );
  expect(ofShutdown.filter(({ msg }) => msg.includes('is not done')).map(({ msg }) => msg.split(':')[0])).toEqual([
    'pause operations', // its statement waits for the lock of the catalog's table
  ]);
  const [from, to] = [lines.find(({ msg }) => msg.startsWith('Received SIGTERM')), lines.at(-1)];
  expect(new Date(to?.time).getTime() - new Date(from?.time).getTime()).toBeLessThan(TIMEOUT_S * 1000);
  for (const each of locks.splice(0)) await each.end();
  await soon(async () => {
    const rows = await database.admin<{ status: string }>("SELECT status FROM operations WHERE kind = 'reseal'");
    expect(rows).toContainEqual({ status: 'running' }); // for another instance
  });
});
