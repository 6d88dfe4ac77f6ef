import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { CatalogChangeFeed } from '../../../src/catalog/feed/catalog-change-feed.js';
import { type CatalogEvent, CatalogEvents } from '../../../src/catalog/feed/catalog-events.js';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { type ConnectionTarget, targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { CatalogProbe } from '../../../src/health/catalog-probe.js';
import { OperationLock } from '../../../src/operations/operation-lock.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { isLostConnection } from '../../../src/platform/postgres/lost-connection.js';
import { soon } from '../../support/load/soon.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const CONFIG = { pool: POOL_OPTIONS } as unknown as AppConfig;
const WRITE = 'UPDATE tenants SET message = NULL WHERE false';

let former: PrivatePostgres;
let primary: PrivatePostgres;
let proxy: TcpProxy;
let target: ConnectionTarget;
let catalog: DataSource;

beforeAll(async () => {
  [former, primary] = await Promise.all([PrivatePostgres.start(), PrivatePostgres.start()]);
  for (const server of [former, primary]) {
    await (await openCatalog(targetOfUrl(server.url, DEFAULT_SERVER), POOL_OPTIONS)).destroy();
  }
});

afterAll(() => Promise.all([former.stop(), primary.stop()]));

beforeEach(async () => {
  proxy = await TcpProxy.before(former.address);
  target = proxy.through(targetOfUrl(former.url, DEFAULT_SERVER));
  catalog = await openCatalog(target, POOL_OPTIONS);
});

afterEach(async () => {
  await catalog.destroy();
  await proxy.close();
  await former.setReadOnly(false);
});

async function switchOver(): Promise<void> {
  proxy.leadTo(primary.address);
  await former.setReadOnly(true);
}

async function portsReached(): Promise<number[]> {
  const rows = await Promise.all([1, 2, 3].map(() => catalog.query<{ port: string }[]>('SHOW port')));
  return rows.map(([row]) => Number(row?.port));
}

it("the catalog's connections leave a server that was made read-only, while they only read", async () => {
  expect(new Set(await portsReached())).toEqual(new Set([former.address.port]));
  await switchOver();
  const ofPrimary = new Set([primary.address.port]);
  await soon(async () => expect(new Set(await portsReached())).toEqual(ofPrimary));
  for (let turn = 0; turn < 5; turn += 1) expect(new Set(await portsReached())).toEqual(ofPrimary);
});

it('after one refused write of the catalog the next one reaches the new primary', async () => {
  await switchOver();
  const refused = await catalog.query(WRITE).catch((error: unknown) => error);
  expect(isLostConnection(refused)).toBe(true);
  await catalog.query(WRITE);
  await expect(portsReached()).resolves.toContain(primary.address.port);
});

it('the change feed, the lock of an operation and the health probe leave that server as well', async () => {
  const [events, received] = [new CatalogEvents(), [] as CatalogEvent['kind'][]];
  events.subscribe('cache', ({ kind }) => void received.push(kind));
  const feed = new CatalogChangeFeed(CONFIG, target, catalog, events);
  await feed.onModuleInit();
  const probe = new CatalogProbe(CONFIG, target);
  await probe.check();
  const lock = await OperationLock.open(target, POOL_OPTIONS, 'tenantry');
  await switchOver();
  await soon(async () => expect(received).toEqual(['restored', 'lost', 'restored']));
  await probe.check();
  await soon(async () => {
    const left = `SELECT FROM pg_stat_activity WHERE ${isNamedFor('health')} OR ${isNamedFor('signed notifications')}`;
    expect(await former.admin(left)).toEqual([]);
  });
  await lock.tryLock('00000000-0000-4000-8000-000000000001').catch(() => undefined);
  expect(lock.lost.aborted).toBe(true);
  await Promise.all([lock.close(), feed.close(), probe.close()]);
});

it('the catalog is unavailable to a probe whose address leads to a read-only server', async () => {
  await former.setReadOnly(true);
  const probe = new CatalogProbe(CONFIG, target);
  await expect(probe.check()).rejects.toMatchObject({ code: 'SERVER_READ_ONLY' });
  await expect(openCatalog(target, POOL_OPTIONS)).rejects.toThrow(
    /refuses writes: default_transaction_read_only is on/,
  );
  await probe.close();
});
