import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Backends, expectStillWorks } from '../../../support/postgres/backends.js';
import { soon } from '../../../support/load/soon.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TestPool } from '../../../support/pool/test-pool.js';

/** Failures until the breaker opens: connect-breaker.ts. */
const FAILURES = 3;
const OPTIONS = { size: 3, connectTimeoutMs: 300, timeoutMs: 5_000, statementTimeoutMs: 1_000 };
const REFUSED = { code: 'TENANT_UNAVAILABLE', retryAfterSeconds: expect.any(Number) };

let database: TenantDatabase;
let backends: Backends;
let proxy: TcpProxy;
let pool: TestPool;

beforeAll(async () => {
  database = await createTenantDatabase();
  backends = await Backends.of(database.role);
});

afterAll(async () => {
  await backends.close();
  await database.drop();
});

beforeEach(async () => {
  proxy = await TcpProxy.before(database.target.server);
  pool = new TestPool(proxy.through(database.target), OPTIONS);
});

afterEach(async () => {
  await soon(async () => {
    await expectStillWorks(pool, OPTIONS.size, backends);
    expect(pool.snapshot().breaker).toBe('closed');
  });
  await pool.end();
  await proxy.close();
});

async function refusal(): Promise<{ error: unknown; tookMs: number }> {
  const startedAt = performance.now();
  const error = await pool.acquire().then(
    (connection) => connection.release(),
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - startedAt };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

it('opens after repeated failures to connect: callers are told in under 5 ms, where connecting takes its whole time', async () => {
  proxy.freeze(); // connections are accepted, and nothing is said
  const tried: number[] = [];
  for (let failure = 0; failure < FAILURES; failure += 1) {
    const { error, tookMs } = await refusal();
    expect(error).toMatchObject(REFUSED);
    tried.push(tookMs);
  }
  expect(Math.min(...tried)).toBeGreaterThan(OPTIONS.connectTimeoutMs - 5);
  expect(pool.snapshot()).toMatchObject({ breaker: 'open', openFailures: FAILURES });
  const refused = await collect(50);
  for (const { error } of refused) expect(error).toMatchObject({ ...REFUSED, cause: { message: 'timeout expired' } });
  expect(median(refused.map(({ tookMs }) => tookMs))).toBeLessThan(5);
  proxy.thaw();
});

it('lets one caller try from time to time; the others are told at once meanwhile, and served when it works', async () => {
  proxy.freeze();
  for (let failure = 0; failure < FAILURES; failure += 1) await refusal();
  await soon(async () => {
    const { tookMs } = await refusal();
    expect(tookMs).toBeGreaterThan(OPTIONS.connectTimeoutMs - 5); // it was the one who tried
  });
  let together: ReturnType<typeof refusal>[] = [];
  await soon(async () => {
    together = Array.from({ length: 10 }, () => refusal());
    await new Promise(setImmediate);
    expect(pool.snapshot().breaker).toBe('half-open');
  });
  const others = await collect(20);
  expect(pool.snapshot().breaker).toBe('half-open'); // all of them were told before the one who tries
  for (const { error } of others) expect(error).toMatchObject(REFUSED);
  expect(median(others.map(({ tookMs }) => tookMs))).toBeLessThan(5);
  const waits = (await Promise.all(together)).map(({ tookMs }) => tookMs);
  expect(waits.filter((tookMs) => tookMs > OPTIONS.connectTimeoutMs - 5)).toHaveLength(1); // of ten that came at once
  proxy.thaw();
});

it('tells callers at once although connections are lent that hang like everything else', async () => {
  const held = await pool.acquire();
  const hanging = held.client.query('SELECT 1');
  await hanging;
  proxy.freeze();
  const stuck = held.client.query('SELECT 2');
  await soon(async () => {
    const { error } = await refusal();
    expect(error).toMatchObject(REFUSED);
    expect(pool.snapshot().breaker).toBe('open');
  });
  const refused = await collect(20);
  expect(median(refused.map(({ tookMs }) => tookMs))).toBeLessThan(5);
  proxy.thaw();
  await stuck;
  held.release();
});

it('is not opened by waiting for connections of our own, however often that ends at the deadline', async () => {
  const busy = new TestPool(database.target, { ...OPTIONS, timeoutMs: 300 });
  const held = await Promise.all([busy.acquire(), busy.acquire(), busy.acquire()]);
  const waits = await Promise.allSettled(Array.from({ length: 20 }, () => busy.acquire()));
  expect(waits.every((wait) => wait.status === 'rejected' && wait.reason.code === 'POOL_TIMEOUT')).toBe(true);
  expect(busy.snapshot().breaker).toBe('closed');
  for (const connection of held) connection.release();
  await busy.end();
});

it('is not opened by a login role that is refused: the reason is told each time', async () => {
  await database.admin(`ALTER ROLE ${database.role} BYPASSRLS`);
  const outcomes = await collect(6);
  await database.admin(`ALTER ROLE ${database.role} NOBYPASSRLS`);
  for (const { error } of outcomes) expect(error).toMatchObject({ code: 'UNSAFE_ROLE' });
});

it('counts a server that accepts, and then never answers its first question', async () => {
  const silent = await serverSilentAfterLogin();
  const { port } = silent.address() as net.AddressInfo;
  const other = new TestPool(
    { ...database.target, server: { ...database.target.server, host: '127.0.0.1', port } },
    OPTIONS,
  );
  for (let failure = 0; failure < FAILURES; failure += 1) {
    const startedAt = performance.now();
    await expect(other.acquire()).rejects.toMatchObject(REFUSED);
    expect(performance.now() - startedAt).toBeLessThan(3 * OPTIONS.connectTimeoutMs);
  }
  expect(other.snapshot()).toMatchObject({ breaker: 'open', total: 0 });
  await other.end();
  silent.close();
});

/** One after the other, so that each is timed for itself. */
async function collect(count: number): Promise<{ error: unknown; tookMs: number }[]> {
  const outcomes: { error: unknown; tookMs: number }[] = [];
  for (let turn = 0; turn < count; turn += 1) outcomes.push(await refusal());
  return outcomes;
}

/** Says AuthenticationOk and ReadyForQuery to whoever connects, and nothing more. */
async function serverSilentAfterLogin(): Promise<net.Server> {
  const authenticationOk = [0x52, 0, 0, 0, 8, 0, 0, 0, 0];
  const readyForQuery = [0x5a, 0, 0, 0, 5, 0x49];
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(Buffer.from([...authenticationOk, ...readyForQuery])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
