import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { parseApiKey } from '../../../src/catalog/model/api-key.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { overPrivateCatalog } from '../../support/postgres/private-catalog.js';
import { PrivatePostgres, type Standby } from '../../support/postgres/private-postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { ADMIN_KEY, type TestApp, type TestTenant } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let primary: PrivatePostgres;
let standby: Standby;
let proxy: TcpProxy;
let redis: TestRedis;
let acme: TestTenant;
const instances: TestApp[] = [];
/** A second key of the tenant's. */
let spare: string;
let tookMs = 0;

beforeEach(async () => {
  [primary, redis] = await Promise.all([PrivatePostgres.start(), TestRedis.start()]);
  proxy = await TcpProxy.before(primary.address);
  const app = await start();
  acme = await app.provision('acme', 'row');
  spare = await app.issueKey(acme);
  await app.stop();
  instances.length = 0;
  standby = await primary.standby(); // as far as it received the changes of the primary
  await start();
  await start();
}, 120_000);

afterAll(() =>
  printFaultRow({
    fault: 'a standby is promoted that lacks the last changes of the catalog; the operator repeats them',
    callers:
      '503 until the standby answers, then as its catalog says; the repeated suspension and revocation: 403, 401',
    probes: 'ready 200 degraded (catalog), then 200',
    operators: '"The catalog was restored or has lost changes", or "Catalog change feed reconnected"',
    lasts: `repeated changes in force within ${Math.ceil(tookMs / 100) * 100} ms on every instance`,
  }),
);

afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.stop();
  await proxy.close();
  await Promise.all([primary.stop(), standby.stop(), redis.stop()]);
}, 60_000);

/** With entries that live for five minutes: longer than any wait of this test. */
async function start(): Promise<TestApp> {
  const app = await overPrivateCatalog(
    primary,
    {
      ...{ ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) },
      ...{ CACHE_DEFAULT_TTL: '300', DB_CONNECT_TIMEOUT: '1' },
    },
    proxy.address,
  );
  instances.push(app);
  return app;
}

async function answers(status: number, apiKey = acme.apiKey): Promise<void> {
  await soon(async () => {
    const all = await Promise.all(instances.map((app) => app.call('/api/v1/orders', { apiKey })));
    expect(all.map((answer) => answer.status)).toEqual(instances.map(() => status));
  });
}

async function operate(action: string): Promise<void> {
  await soon(async () => {
    const answer = await instances[0]!.call(`/admin/v1/tenants/acme/${action}`, { method: 'POST', apiKey: ADMIN_KEY });
    expect(answer.status).toBeLessThan(300);
  });
}

async function revokeSpare(): Promise<void> {
  await soon(async () => {
    const { keyId } = parseApiKey(spare)!;
    const path = `/admin/v1/tenants/acme/api-keys/${keyId}`;
    expect((await instances[0]!.call(path, { method: 'DELETE', apiKey: ADMIN_KEY })).status).toBeLessThan(300);
  });
}

async function promote(): Promise<void> {
  const client = new pg.Client({
    ...standby.address,
    user: 'postgres',
    password: PASSWORDS.superuser,
    database: 'tenantry',
  });
  await client.connect();
  await client.query('SELECT pg_promote()');
  await client.end();
}

// One change each: its number is the one that the instances know already.
it.each([
  ['suspension', () => operate('suspend'), () => acme.apiKey, 403],
  ['revocation of a key', () => revokeSpare(), () => spare, 401],
])(
  'a %s that is repeated after it was lost is in force at once, on old and new instances',
  async (_what, change, apiKey, refused) => {
    await answers(200, apiKey());
    await change();
    await answers(refused, apiKey());
    proxy.leadTo(standby.address);
    await primary.kill();
    await promote();
    await answers(200, apiKey());
    const startedAt = performance.now();
    await change();
    await answers(refused, apiKey());
    tookMs = Math.max(tookMs, performance.now() - startedAt);
    await start();
    await answers(refused, apiKey());
  },
  120_000,
);
