import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { DEFAULT_SERVER } from '../../../../src/catalog/catalog-target.js';
import { ServerBudgets } from '../../../../src/database/budget/server-budgets.js';
import { clientConfig } from '../../../../src/database/connection/client-config.js';
import {
  addressesOf,
  type ConnectionTarget,
  targetOfUrl,
} from '../../../../src/database/connection/connection-target.js';
import { PhysicalConnection } from '../../../../src/database/connection/physical-connection.js';
import { ServerAddresses } from '../../../../src/database/connection/server-addresses.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import type { HostAndPort } from '../../../../src/platform/postgres/database-url.js';
import { soon } from '../../../support/load/soon.js';
import { POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';
import { freePort } from '../../../support/processes/free-port.js';
import { PrivatePostgres } from '../../../support/postgres/private-postgres.js';

/** Much longer than a search takes on a busy machine. */
const CONNECT_TIMEOUT_MS = 20_000;

let a: PrivatePostgres;
let b: PrivatePostgres;
/** Accepts connections, and never answers. */
let silent: Server;
const silenced = new Set<Socket>();
let pool: TestPool | undefined;

beforeAll(async () => {
  [a, b] = await Promise.all([PrivatePostgres.start(), PrivatePostgres.start()]);
  // The same login on both, as on the nodes of a cluster.
  await b.admin(`ALTER ROLE app PASSWORD '${a.target.password}'; ALTER ROLE tenantry PASSWORD '${passwordOf(a.url)}'`);
  silent = createServer((socket) => silenced.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
}, 60_000);

afterEach(async () => {
  await pool?.end();
  pool = undefined;
  for (const server of [a, b]) await server.setReadOnly(false);
});

afterAll(async () => {
  for (const socket of silenced) socket.destroy();
  silent.close();
  await Promise.all([a.stop(), b.stop()]);
});

it('the address that accepts writes is found, whatever the others do', async () => {
  await a.setReadOnly(true);
  const dead = { host: '127.0.0.1', port: await freePort() };
  const startedAt = performance.now();
  pool = poolOf(silentAddress(), dead, a.address, b.address);
  expect(await portsReached(3)).toEqual([b.address.port, b.address.port, b.address.port]);
  expect(performance.now() - startedAt).toBeLessThan(CONNECT_TIMEOUT_MS / 2);
  expect(await a.backends()).toBe(0);
});

it('a pool leaves a server that was demoted, and its callers get the new primary', async () => {
  await b.setReadOnly(true);
  pool = poolOf(a.address, b.address);
  expect(await portsReached(3)).toEqual([a.address.port, a.address.port, a.address.port]);
  await b.setReadOnly(false);
  await a.setReadOnly(true);
  const ofB = [b.address.port, b.address.port, b.address.port];
  await soon(async () => expect(await portsReached(3)).toEqual(ofB));
  for (let turn = 0; turn < 5; turn += 1) expect(await portsReached(3)).toEqual(ofB);
  expect(await a.backends()).toBe(0);
});

it('while no address accepts writes callers are refused, with all of them in the message', async () => {
  await Promise.all([a.setReadOnly(true), b.setReadOnly(true)]);
  pool = poolOf(a.address, b.address);
  await expect(pool.acquire()).rejects.toMatchObject({
    code: 'TENANT_UNAVAILABLE',
    cause: { code: 'SERVER_READ_ONLY', message: expect.stringContaining(`127.0.0.1:${b.address.port}`) },
  });
  await b.setReadOnly(false);
  await soon(async () => expect(await portsReached(1)).toEqual([b.address.port]));
});

it('a role whose transactions are read-only by default has no other connection look for the address again', async () => {
  await b.setReadOnly(true);
  await a.admin('ALTER ROLE app SET default_transaction_read_only = on');
  const target = targetOver(a.address, b.address);
  const addresses = ServerAddresses.of(addressesOf(target.server));
  const owner = clientConfig({ ...target, role: 'tenantry', password: passwordOf(a.url) }, POOL_OPTIONS);
  try {
    pool = poolOf(a.address, b.address);
    await (await PhysicalConnection.open(owner, { onLost: () => undefined })).close();
    await expect(pool.acquire()).rejects.toMatchObject({ cause: { code: 'SERVER_READ_ONLY' } });
    const neverAsked = (): Promise<void> => Promise.reject(new Error('asked'));
    expect(await addresses.find(neverAsked, 'another login')).toEqual(a.address);
  } finally {
    await a.admin('ALTER ROLE app RESET default_transaction_read_only');
  }
});

it('looking for the address takes no second connection of the server', async () => {
  await a.setReadOnly(true);
  await b.admin('ALTER ROLE app CONNECTION LIMIT 1');
  try {
    pool = poolOf(a.address, b.address);
    expect(await portsReached(1)).toEqual([b.address.port]);
  } finally {
    await b.admin('ALTER ROLE app CONNECTION LIMIT -1');
  }
});

it('a statement is cancelled at the address where it runs', async () => {
  await a.setReadOnly(true);
  pool = poolOf(a.address, b.address);
  const held = await acquired();
  const sleeping = held.client.query('SELECT pg_sleep(600)').catch((error: unknown) => error);
  await soon(async () => expect(await sleepers()).toBe(1));
  pool.destroyAll();
  await soon(async () => expect(await sleepers()).toBe(0));
  await sleeping;
  held.release();
});

it('the connections of one server have one budget, whichever address an id has first', () => {
  const budgets = new ServerBudgets({ pool: POOL_OPTIONS } as unknown as AppConfig);
  const ofCatalog = budgets.of(targetOver(a.address, b.address).server);
  expect(budgets.of({ ...targetOver(b.address, a.address).server, id: 'the same' })).toBe(ofCatalog);
  expect(budgets.of({ ...targetOver(b.address).server, id: 'one of them' })).toBe(ofCatalog);
  expect(budgets.of({ ...targetOver(silentAddress()).server, id: 'another' })).not.toBe(ofCatalog);
});

it('the catalog is opened and migrated at the address that accepts writes, and follows it', async () => {
  for (const server of [a, b])
    await (await openCatalog(targetOfUrl(server.url, DEFAULT_SERVER), POOL_OPTIONS)).destroy();
  await a.setReadOnly(true);
  const target = targetOfUrl(a.url.replace(/@[^/]+/, `@${hosts(a.address, b.address)}`), DEFAULT_SERVER);
  const catalog = await openCatalog(target, POOL_OPTIONS);
  try {
    expect(await catalogPort(catalog)).toBe(b.address.port);
    await a.setReadOnly(false);
    await b.setReadOnly(true);
    await soon(async () => expect(await catalogPort(catalog)).toBe(a.address.port));
    await catalog.query('UPDATE servers SET draining = false');
  } finally {
    await catalog.destroy();
  }
});

function poolOf(...addresses: readonly HostAndPort[]): TestPool {
  return new TestPool(targetOver(...addresses), { size: 3, connectTimeoutMs: CONNECT_TIMEOUT_MS });
}

function targetOver(...[first, ...furtherAddresses]: readonly HostAndPort[]): ConnectionTarget {
  return { ...a.target, server: { ...a.target.server, ...first, furtherAddresses } };
}

function silentAddress(): HostAndPort {
  return { host: '127.0.0.1', port: (silent.address() as { port: number }).port };
}

function acquired(): ReturnType<TestPool['acquire']> {
  if (!pool) throw new Error('no pool');
  return pool.acquire();
}

/** Of so many connections at the same time. */
async function portsReached(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, () => acquired()));
  try {
    return await Promise.all(
      held.map(async ({ client }) => {
        const { rows } = await client.query<{ port: string }>('SHOW port');
        return Number(rows[0]?.port);
      }),
    );
  } finally {
    for (const connection of held) connection.release();
  }
}

async function catalogPort(catalog: DataSource): Promise<number> {
  const [row] = await catalog.query<{ port: string }[]>('SHOW port');
  return Number(row?.port);
}

async function sleepers(): Promise<number> {
  const [row] = await b.admin<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)' AND state = 'active'`,
  );
  return row?.n ?? 0;
}

function hosts(...addresses: readonly HostAndPort[]): string {
  return addresses.map(({ host, port }) => `${host}:${port}`).join();
}

function passwordOf(url: string): string {
  return decodeURIComponent(new URL(url).password);
}
