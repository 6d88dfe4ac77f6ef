import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Backends, expectStillWorks } from '../../support/postgres/backends.js';
import { settlesAtOnce } from '../../support/at-once.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/postgres/tenant-database.js';
import { TestPool } from '../../support/pool/test-pool.js';

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

interface Refusal {
  readonly error: unknown;
  /** Before anything could have been sent to the server. */
  readonly isAtOnce: boolean;
  /** How often connecting failed in between. */
  readonly failures: number;
}

async function refusal(): Promise<Refusal> {
  const { openFailures } = pool.snapshot();
  const outcome = pool.acquire().then(
    (connection) => connection.release(),
    (reason: unknown) => reason,
  );
  const isAtOnce = await settlesAtOnce(outcome);
  const error = await outcome;
  return { error, isAtOnce, failures: pool.snapshot().openFailures - openFailures };
}

it('the breaker opens after repeated failures to connect and rejects callers at once', async () => {
  proxy.freeze(); // connections are accepted, and nothing is said
  for (let failure = 0; failure < FAILURES; failure += 1) {
    expect(await refusal()).toMatchObject({ error: REFUSED, isAtOnce: false, failures: 1 });
  }
  expect(pool.snapshot()).toMatchObject({ breaker: 'open', openFailures: FAILURES });
  const refused = await collect(50);
  for (const { error } of refused) expect(error).toMatchObject({ ...REFUSED, cause: { message: 'timeout expired' } });
  expectAtOnceUnlessTried(refused);
  proxy.thaw();
});

it('the breaker lets one caller probe at a time, rejects the others at once, and closes when connecting works', async () => {
  proxy.freeze();
  for (let failure = 0; failure < FAILURES; failure += 1) await refusal();
  await soon(async () => {
    expect(await refusal()).toMatchObject({ isAtOnce: false, failures: 1 }); // this caller tried
  });
  let together: ReturnType<typeof refusal>[] = [];
  await soon(async () => {
    together = Array.from({ length: 10 }, () => refusal());
    await new Promise(setImmediate);
    expect(pool.snapshot().breaker).toBe('half-open');
  });
  const others = await collect(20);
  expect(pool.snapshot().breaker).toBe('half-open'); // all of them were rejected before the probing caller
  for (const other of others) expect(other).toMatchObject({ error: REFUSED, isAtOnce: true });
  const waited = (await Promise.all(together)).filter(({ isAtOnce }) => !isAtOnce);
  expect(waited).toHaveLength(1); // of ten that came at once
  proxy.thaw();
});

it('the breaker rejects callers at once even while checked-out connections hang', async () => {
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
  expectAtOnceUnlessTried(await collect(20));
  proxy.thaw();
  await stuck;
  held.release();
});

it('the breaker is not opened by callers that time out waiting for busy connections', async () => {
  const busy = new TestPool(database.target, { ...OPTIONS, timeoutMs: 300 });
  const held = await Promise.all([busy.acquire(), busy.acquire(), busy.acquire()]);
  const waits = await Promise.allSettled(Array.from({ length: 20 }, () => busy.acquire()));
  expect(waits.every((wait) => wait.status === 'rejected' && wait.reason.code === 'POOL_TIMEOUT')).toBe(true);
  expect(busy.snapshot().breaker).toBe('closed');
  for (const connection of held) connection.release();
  await busy.end();
});

it('the breaker is not opened by an unsafe login role: each caller receives that reason', async () => {
  await database.admin(`ALTER ROLE ${database.role} BYPASSRLS`);
  const outcomes = await collect(6);
  await database.admin(`ALTER ROLE ${database.role} NOBYPASSRLS`);
  for (const { error } of outcomes) expect(error).toMatchObject({ code: 'UNSAFE_ROLE' });
});

it('the breaker counts a server that accepts a connection and never answers its first query', async () => {
  const silent = await serverSilentAfterLogin();
  const { port } = silent.address() as net.AddressInfo;
  const other = new TestPool(
    { ...database.target, server: { ...database.target.server, host: '127.0.0.1', port } },
    OPTIONS,
  );
  for (let failure = 0; failure < FAILURES; failure += 1) {
    await expect(other.acquire()).rejects.toMatchObject(REFUSED); // not POOL_TIMEOUT
  }
  expect(other.snapshot()).toMatchObject({ breaker: 'open', total: 0 });
  await other.end();
  silent.close();
});

/** Of an open breaker, every caller but one that tried whether connecting works again. */
function expectAtOnceUnlessTried(refused: readonly Refusal[]): void {
  for (const { isAtOnce, failures } of refused) expect(isAtOnce).toBe(failures === 0);
  expect(refused.filter(({ isAtOnce }) => isAtOnce).length).toBeGreaterThan(refused.length / 2);
}

/** One after the other. */
async function collect(count: number): Promise<Refusal[]> {
  const outcomes: Refusal[] = [];
  for (let turn = 0; turn < count; turn += 1) outcomes.push(await refusal());
  return outcomes;
}

/** Sends AuthenticationOk and ReadyForQuery to each client, and nothing more. */
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
