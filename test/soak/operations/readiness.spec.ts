import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { CatalogProbe } from '../../../src/health/catalog-probe.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { provisionOn, registerServer } from '../../support/postgres/other-server.js';
import { asSuperuser, createTestDatabase, superuserOf, testServer } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { ADMIN_KEY, type Answer, dropEverything, TestApp, type TestTenant } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const PROBES = 1_000;

/** An instance whose connection to the catalog can be cut, while it reaches its tenants' server directly. */
class CutOffApp {
  private constructor(
    readonly proxy: TcpProxy,
    readonly app: TestApp,
    readonly tenant: TestTenant,
  ) {}

  static async start(env: Record<string, string>): Promise<CutOffApp> {
    const database = await createTestDatabase('catalog');
    const proxy = await TcpProxy.before(testServer());
    const url = new URL(database.url);
    url.port = String(proxy.through(targetOfUrl(database.url, 'catalog')).server.port);
    const app = await TestApp.over(database, { DATABASE_URL: url.href, DB_CONNECT_TIMEOUT: '1', ...env });
    await registerServer(app, 'reachable', testServer());
    const started = new CutOffApp(proxy, app, await provisionOn(app, 'reachable', 'acme', 'row'));
    await started.orders();
    return started;
  }

  ready(): Promise<Answer> {
    return this.app.call('/health/ready');
  }

  live(): Promise<Answer> {
    return this.app.call('/health/live');
  }

  orders(): Promise<Answer> {
    return this.app.call('/api/v1/orders', { apiKey: this.tenant.apiKey });
  }

  async dispose(): Promise<void> {
    await this.app.stop();
    await this.proxy.close();
    await dropEverything(this.app.database);
  }
}

describe('an instance without its catalog', () => {
  let cutOff: CutOffApp;

  afterEach(() => cutOff.dispose());

  it('is degraded and serves cached tenants until the grace period of its cache is over', async () => {
    cutOff = await CutOffApp.start({ CACHE_DEFAULT_TTL: '1', CACHE_GRACE: '3' });
    expect((await cutOff.ready()).body.status).toBe('ok');
    cutOff.proxy.cut();
    await soon(async () => {
      const { status, body } = await cutOff.ready();
      expect([status, body.status]).toEqual([200, 'degraded']);
      expect(body.details.catalog).toMatchObject({ status: 'degraded', message: expect.any(String) });
    });
    expect((await cutOff.orders()).status).toBe(200);
    await soon(async () => {
      const { status, body } = await cutOff.ready();
      expect([status, body.status, body.error.catalog.status]).toEqual([503, 'error', 'down']);
    });
    await soon(async () => {
      const { status, body } = await cutOff.orders();
      expect([status, body.code]).toEqual([503, 'CATALOG_UNAVAILABLE']);
    });
    expect([(await cutOff.live()).status, (await cutOff.live()).body]).toEqual([200, { status: 'ok' }]);
    cutOff.proxy.mend();
    await soon(async () => {
      expect((await cutOff.ready()).body.status).toBe('ok');
      expect((await cutOff.orders()).status).toBe(200);
    });
  });

  it('is down at once when there is no grace period', async () => {
    cutOff = await CutOffApp.start({ CACHE_GRACE: '0' });
    cutOff.proxy.cut();
    await soon(async () => {
      expect((await cutOff.ready()).status).toBe(503);
    });
    expect((await cutOff.live()).status).toBe(200);
  });

  it('answers readiness probes while the catalog is frozen, and liveness probes without querying it', async () => {
    cutOff = await CutOffApp.start({});
    await cutOff.ready();
    cutOff.proxy.freeze();
    const probe = cutOff.app.application.nest.get(CatalogProbe);
    const answered: string[] = [];
    const query = probe.check().catch(() => void answered.push('query of the catalog'));
    expect((await cutOff.live()).status).toBe(200);
    answered.push('live');
    await query;
    expect(answered).toEqual(['live', 'query of the catalog']);
    await soon(async () => {
      expect((await cutOff.ready()).body.status).toBe('degraded');
    });
    const queries = jest.spyOn(probe, 'check');
    const readiness = await Promise.all(Array.from({ length: 20 }, () => cutOff.ready()));
    expect(new Set(readiness.map(({ body }) => body.status))).toEqual(new Set(['degraded']));
    expect(queries.mock.calls.length).toBeLessThan(10); // they share the query that hangs
    cutOff.proxy.thaw();
    await soon(async () => {
      expect((await cutOff.ready()).body.status).toBe('ok');
    });
  });
});

describe('a health probe', () => {
  let app: TestApp;
  let acme: TestTenant;

  beforeAll(async () => {
    app = await TestApp.start({ DB_POOL_SIZE: '1', DB_MAX_OVERFLOW: '0', DB_SERVER_MAX_CONNECTIONS: '1' });
    acme = await app.provision('acme', 'database');
  });

  afterAll(() => app.dispose());

  it('does not wait for an exhausted pool or for locks in the catalog', async () => {
    const body = { name: 'Ada', email: 'ada@example.com' };
    const { id } = (await app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body })).body;
    const tenantDatabase = await lockIn(await databaseOf(app, acme), 'LOCK TABLE tenant.customers IN EXCLUSIVE MODE');
    const catalog = await lockIn(app.database.name, 'LOCK TABLE tenants, api_keys IN ACCESS EXCLUSIVE MODE');
    const change = { method: 'PATCH', apiKey: acme.apiKey, body: { version: 1, name: 'Eve' } };
    let answered = 0;
    const count = (answer: Answer): Answer => {
      answered += 1;
      return answer;
    };
    const waiting = app.call(`/api/v1/customers/${id}`, change).then(count);
    const stranger = app.call('/api/v1/tenant', { apiKey: `tnt_${'0'.repeat(16)}_${'x'.repeat(43)}` }).then(count);
    await waitingForLocks(2);
    const { status, body: report } = await app.call('/health/ready');
    expect([status, report.status, answered]).toEqual([200, 'ok', 0]); // the pool and the catalog are still held
    await tenantDatabase.end();
    await catalog.end();
    expect((await waiting).status).toBe(200);
    expect((await stranger).status).toBe(401);
  });

  it('shares its result: a thousand probes cause a handful of statements', async () => {
    const statements = jest.spyOn(pg.Client.prototype, 'query');
    try {
      for (let done = 0; done < PROBES || statements.mock.calls.length === 0; done += 50) {
        const paths = Array.from({ length: 50 }, (_, index) => (index % 2 ? '/health' : '/health/ready'));
        const answers = await Promise.all(paths.map((path) => app.call(path)));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      }
      expect(statements.mock.calls.length).toBeLessThan(20);
    } finally {
      statements.mockRestore();
    }
  });

  it('uses a single connection to the catalog', async () => {
    await Promise.all(Array.from({ length: 20 }, () => app.call('/health/ready')));
    const [row] = await app.database.admin<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity
       WHERE ${isNamedFor('health')} AND datname = current_database()`,
    );
    expect(row?.count).toBe(1);
  });

  it('opens a new connection when its own was closed', async () => {
    await app.database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE ${isNamedFor('health')} AND datname = current_database()`,
    );
    await soon(async () => {
      expect((await app.call('/health/ready')).body.details.catalog.status).toBe('up');
    });
  });
});

describe("a tenant's database that is down", () => {
  let app: TestApp;
  let acme: TestTenant;
  let initech: TestTenant;

  beforeAll(async () => {
    app = await TestApp.start();
    acme = await app.provision('acme', 'row');
    initech = await app.provision('initech', 'database');
    await app.database.admin("INSERT INTO tenants (slug, isolation) VALUES ('planned', 'schema')");
    for (const { apiKey } of [acme, initech]) await app.call('/api/v1/orders', { apiKey });
  });

  afterAll(() => app.dispose());

  it('is reported as degraded, and does not affect other tenants', async () => {
    const before = await app.call('/health/ready');
    expect(before.body.details.tenantDatabases).toEqual({ status: 'up', serviceable: 2, total: 2 });
    const database = await databaseOf(app, initech);
    await closeDatabase(database);
    await soon(async () => {
      const answer = await app.call('/api/v1/orders', { apiKey: initech.apiKey });
      expect([answer.status, answer.body.code]).toEqual([503, 'TENANT_UNAVAILABLE']);
      const { status, body } = await app.call('/health/ready');
      expect([status, body.status]).toEqual([200, 'degraded']);
      expect(body.details.tenantDatabases).toMatchObject({ status: 'degraded', serviceable: 1, total: 2 });
    });
    expect((await app.call('/api/v1/orders', { apiKey: acme.apiKey })).status).toBe(200);

    const down = await health('initech');
    expect([down.status, down.body]).toEqual([
      503,
      { slug: 'initech', status: 'active', isolation: 'database', database: 'down', reason: 'TENANT_UNAVAILABLE' },
    ]);
    await asSuperuser('postgres', `ALTER DATABASE "${database}" ALLOW_CONNECTIONS true`);
    await soon(async () => {
      expect((await health('initech')).body.database).toBe('up');
      expect((await app.call('/health/ready')).body.status).toBe('ok');
    });
  });

  it('is distinguished from one that is up and from a tenant without a database', async () => {
    const up = await health('acme');
    expect([up.status, up.body]).toEqual([
      200,
      { slug: 'acme', status: 'active', isolation: 'row', database: 'up', responseMs: expect.any(Number) },
    ]);
    const none = await health('planned');
    expect([none.status, none.body]).toEqual([
      200,
      { slug: 'planned', status: 'provisioning', isolation: 'schema', database: 'none' },
    ]);
    for (const unknown of ['nobody', 'Not-A-Slug', 'a%2Fb', 'x'.repeat(90)]) {
      const { status, body } = await health(unknown);
      expect([unknown, status, body.code]).toEqual([unknown, 404, 'NOT_FOUND']);
    }
  });

  it('is reported to the admin key only', async () => {
    expect((await app.call('/admin/v1/tenants/acme/health')).status).toBe(401);
    const asTenant = await app.call('/admin/v1/tenants/acme/health', { apiKey: acme.apiKey });
    expect([asTenant.status, asTenant.body.code]).toEqual([403, 'FORBIDDEN']);
  });

  function health(slug: string): Promise<Answer> {
    return app.call(`/admin/v1/tenants/${slug}/health`, { apiKey: ADMIN_KEY });
  }
});

describe('an instance without Redis', () => {
  it('is degraded and serves, and recovers when Redis is back', async () => {
    const redis = await TestRedis.start();
    const env = { ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) };
    const app = await TestApp.start(env);
    try {
      const acme = await app.provision('acme', 'row');
      await soon(async () => {
        expect((await app.call('/health/ready')).body).toMatchObject({
          status: 'ok',
          details: { redis: { status: 'up', used: true } },
        });
      });
      await redis.stop();
      await soon(async () => {
        const { status, body } = await app.call('/health/ready');
        expect([status, body.status, body.details.redis.status]).toEqual([200, 'degraded', 'degraded']);
      });
      expect((await app.call('/api/v1/orders', { apiKey: acme.apiKey })).status).toBe(200);
      await redis.startAgain();
      await soon(async () => {
        await app.call('/api/v1/tenant', { apiKey: unknownKey() }); // only a request that needs Redis notices that it is back
        expect((await app.call('/health/ready')).body.status).toBe('ok');
      });
    } finally {
      await app.dispose();
      await redis.stop();
    }
  });
});

/** A key that no cache can know. */
function unknownKey(): string {
  return `tnt_${randomBytes(8).toString('hex')}_${'x'.repeat(43)}`;
}

/** Holds a lock until the client is ended. */
async function lockIn(database: string, lock: string): Promise<pg.Client> {
  const client = new pg.Client(superuserOf(database));
  await client.connect();
  await client.query(`BEGIN; ${lock}`);
  return client;
}

async function waitingForLocks(count: number): Promise<void> {
  await soon(async () => {
    const [row] = await asSuperuser<{ count: number }>(
      'postgres',
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    );
    expect(row?.count).toBeGreaterThanOrEqual(count);
  });
}

async function closeDatabase(database: string): Promise<void> {
  await asSuperuser('postgres', `ALTER DATABASE "${database}" ALLOW_CONNECTIONS false`);
  await asSuperuser('postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`);
}

async function databaseOf(app: TestApp, { targetId }: TestTenant): Promise<string> {
  const [row] = await app.database.admin<{ database: string }>(
    'SELECT database FROM connection_targets WHERE id = $1',
    [targetId],
  );
  return row?.database ?? '';
}
