import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { CACHE, type Cache } from '../../../src/cache/contract/cache.js';
import { FaultTable, type Seen } from '../../support/load/fault-table.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { provisionOn, registerServer } from '../../support/postgres/other-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const GRACE_SECONDS = 4;
const HOUR_MS = 3_600_000;
/** Callers whose keys no tier knows, each of whom would wait for a Redis that is still asked. */
const STRANGERS = 60;

const table = new FaultTable();
let catalog: PrivatePostgres;
let other: PrivatePostgres;
let redis: TestRedis;
let app: TestApp;
/** Lives on the catalog's own server. */
let near: TestTenant;
/** Lives on a server of its own. */
let far: TestTenant;
let clockSkewMs = 0;

beforeAll(async () => {
  const realNow = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + clockSkewMs);
  [catalog, other, redis] = await Promise.all([PrivatePostgres.start(), PrivatePostgres.start(), TestRedis.start()]);
  app = await TestApp.over(
    { name: 'tenantry', url: ownerUrl(catalog), admin: (text, values) => catalog.admin(text, values), drop: noDrop },
    {
      ...{ ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) },
      ...{ CACHE_DEFAULT_TTL: '1', CACHE_GRACE: String(GRACE_SECONDS) },
      ...{ DB_CONNECT_TIMEOUT: '1', DB_POOL_TIMEOUT: '2', DB_STATEMENT_TIMEOUT: '5' },
    },
  );
  near = await app.provision('near', 'row');
  await registerServer(app, 'other', { ...other.address, owner: 'tenantry', ownerPassword: PASSWORDS.owner });
  far = await provisionOn(app, 'other', 'far', 'database');
  await table.until(allHealthy);
}, 120_000);

afterAll(async () => {
  table.print();
  jest.restoreAllMocks();
  await app.stop();
  await Promise.all([catalog.stop(), other.stop(), redis.stop()]);
});

it('while the catalog is down, cached tenants are served until the grace period is over', async () => {
  await catalog.kill();
  try {
    const duringGrace = await observeUntil(async (seen) => {
      expect(seen.ready).toMatch(/^200 degraded \(catalog/);
      expect(seen.near).toBe('503 TENANT_UNAVAILABLE'); // its rows are on the same server
    });
    expect(duringGrace).toMatchObject({ live: '200', health: duringGrace.ready, far: '200' });
    table.add('catalog down (its process killed), up to `CACHE_GRACE`', duringGrace);
    const afterGrace = await observeUntil(async (seen) => {
      expect(seen.ready).toMatch(/^503 error \(catalog/);
      expect(seen.far).toBe('503 CATALOG_UNAVAILABLE');
    });
    expect(afterGrace.live).toBe('200');
    table.add('the same, beyond `CACHE_GRACE`', afterGrace);
  } finally {
    await catalog.startAgain();
  }
  table.recovered(await table.until(allHealthy));
}, 90_000);

it("while a tenant's database is down, that tenant is rejected and the others are served", async () => {
  await other.kill();
  try {
    const seen = await observeUntil(async (now) => {
      expect(now.far).toBe('503 TENANT_UNAVAILABLE');
      expect(now.ready).toBe('200 degraded (tenantDatabases)');
    });
    expect(seen).toMatchObject({ live: '200', health: '200 degraded (tenantDatabases)', near: '200' });
    expect((await app.call('/admin/v1/tenants/far/health', { apiKey: ADMIN_KEY })).body.database).toBe('down');
    table.add("a tenant's PostgreSQL down (its process killed)", seen);
  } finally {
    await other.startAgain();
  }
  table.recovered(await table.until(allHealthy));
}, 90_000);

it('while Redis is down, the memory tier serves', async () => {
  await redis.stop();
  try {
    const seen = await observeUntil(async (now) => expect(now.ready).toBe('200 degraded (redis)'));
    expect(seen).toMatchObject({ live: '200', health: '200 degraded (redis)', near: '200', far: '200' });
    table.add('Redis down (its process stopped)', seen);
  } finally {
    await redis.startAgain();
  }
  table.recovered(await table.until(allHealthy));
}, 90_000);

it('while Redis is frozen, the breaker spares most requests the wait for it', async () => {
  redis.freeze();
  try {
    const seen = await observeUntil(async (now) => expect(now.ready).toBe('200 degraded (redis)'));
    expect(seen).toMatchObject({ live: '200', health: '200 degraded (redis)', near: '200', far: '200' });
    expect(await redisFailuresDuring(STRANGERS, callAsStranger)).toBeLessThan(STRANGERS / 2); // the breaker spares the others the wait
    table.add('Redis frozen (SIGSTOP)', seen);
  } finally {
    redis.thaw();
  }
  table.recovered(await table.until(allHealthy));
}, 90_000);

it.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])(
  'when the clock jumps an hour %s, requests are served and changes are still received',
  async (direction, jumpMs) => {
    clockSkewMs += jumpMs;
    const seen = await observe();
    expect(seen).toEqual({ live: '200', health: '200 ok', ready: '200 ok', near: '200', far: '200' });
    await catalog.admin("UPDATE tenants SET status = 'suspended' WHERE slug = 'far'");
    await observeUntil(async (now) => expect(now.far).toBe('403 TENANT_SUSPENDED'));
    await catalog.admin("UPDATE tenants SET status = 'active' WHERE slug = 'far'");
    const tookMs = await table.until(allHealthy);
    clockSkewMs = 0;
    await table.until(allHealthy);
    table.add(`the clock jumps an hour ${direction}`, seen);
    table.recovered(tookMs);
  },
  60_000,
);

async function allHealthy(): Promise<void> {
  await callAsStranger();
  expect(await observe()).toEqual({ live: '200', health: '200 ok', ready: '200 ok', near: '200', far: '200' });
}

/** Observes until the assertion holds, with unknown callers that keep the caches busy. */
async function observeUntil(assertion: (seen: Seen) => Promise<void>): Promise<Seen> {
  let seen: Seen | undefined;
  await table.until(async () => {
    await callAsStranger();
    seen = await observe();
    await assertion(seen);
  });
  return seen as unknown as Seen;
}

async function observe(): Promise<Seen> {
  const outcomeOf = async (path: string, apiKey?: string): Promise<string> => {
    const { status, body } = await app.call(path, { apiKey });
    if (!path.startsWith('/health')) return status < 300 ? String(status) : `${status} ${body.code}`;
    if (path === '/health/live') return String(status);
    const unwell = Object.entries<{ status: string }>(body.details).filter(([, detail]) => detail.status !== 'up');
    const names = unwell
      .map(([name]) => name)
      .sort()
      .join(', ');
    return `${status} ${body.status}${names && ` (${names})`}`;
  };
  const [live, health, ready, ofNear, ofFar] = await Promise.all([
    outcomeOf('/health/live'),
    outcomeOf('/health'),
    outcomeOf('/health/ready'),
    outcomeOf('/api/v1/orders', near.apiKey),
    outcomeOf('/api/v1/orders', far.apiKey),
  ]);
  return { live, health, ready, near: ofNear, far: ofFar };
}

/** Calls with a key that no tier knows, which takes a query of Redis and of the catalog. */
async function callAsStranger(): Promise<void> {
  const apiKey = `tnt_${randomBytes(8).toString('hex')}_${'x'.repeat(43)}`;
  await app.call('/api/v1/tenant', { apiKey });
}

/** @returns how many calls of Redis failed while the work was done so many times, once after the other */
async function redisFailuresDuring(times: number, work: () => Promise<void>): Promise<number> {
  const failures = (): number => app.application.nest.get<Cache>(CACHE).snapshot().redisFailures;
  const before = failures();
  for (let done = 0; done < times; done += 1) await work();
  return failures() - before;
}

function ownerUrl({ address: { host, port } }: PrivatePostgres): string {
  return `postgres://tenantry:${encodeURIComponent(PASSWORDS.owner)}@${host}:${port}/tenantry`;
}

async function noDrop(): Promise<void> {
  // the whole server goes
}
