import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { PrivatePostgres, type Standby } from '../../support/postgres/private-postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';

/** Beyond it no answer may come from the former primary. */
const BOUND_MS = 5_000;
const NAME_AFTERWARDS = 'created after the switchover';

let former: PrivatePostgres;
let next: Standby;
let proxy: TcpProxy;
let app: TestApp;
let tenants: TestTenant[];
let readers: Reader[];

beforeAll(async () => {
  former = await PrivatePostgres.start();
  proxy = await TcpProxy.before(former.address);
  const url = new URL(former.url);
  url.port = proxy.address.split(':')[1] ?? '';
  const database = { name: 'tenantry', url: url.href, admin: former.admin.bind(former), drop: () => Promise.resolve() };
  app = await TestApp.over(database, { DB_POOL_SIZE: '3', CACHE_DEFAULT_TTL: '3600' });
  tenants = [];
  for (const isolation of ['row', 'schema', 'database'] as const) {
    tenants.push(await app.provision(`t-${isolation}`, isolation), await app.provision(`u-${isolation}`, isolation));
  }
  next = await former.standby();
  readers = tenants.map((tenant) => new Reader(app, tenant));
  await soon(() => Promise.all(readers.map((reader) => reader.serves())).then(() => undefined));
}, 120_000);

afterAll(async () => {
  await Promise.all(readers.map((reader) => reader.stop()));
  await app.stop();
  await proxy.close();
  await Promise.all([former.stop(), next.stop()]);
});

it('after a switchover that cuts no session, everything leaves the former primary, also what only reads', async () => {
  const startedAt = performance.now();
  await former.setReadOnly(true);
  await next.promote();
  proxy.leadTo(next.address);

  await soon(async () => expect(await sessionsOnFormer()).toEqual([]));
  const leftAfterMs = performance.now() - startedAt;
  await soon(async () => expect(await suspend('u-row')).toBe(200));
  await soon(async () => expect((await read('u-row')).status).toBe(403));
  await soon(async () =>
    expect(await app.call('/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } }),
  );
  for (const slug of ['t-row', 't-schema', 't-database']) {
    await soon(async () => expect((await create(slug)).status).toBe(201));
    expect((await read(slug)).text).toContain(NAME_AFTERWARDS); // a read of the former primary does not have it
  }
  const seen = readers.map((reader) => reader.mark());
  await Promise.all(readers.filter(({ slug }) => slug !== 'u-row').map((reader) => reader.serves()));
  for (const reader of readers.filter(({ slug }) => slug.startsWith('t-'))) expect(reader.staleSinceMark).toBe(0);
  expect(await sessionsOnFormer()).toEqual([]);
  printFaultRow({
    fault: 'planned switchover that cuts no session (the former primary is made read-only)',
    callers: `${seen.reduce((all, { failed }) => all + failed, 0)} of ${seen.reduce((all, { served }) => all + served, 0)} reads 503`,
    probes: 'ready 200 `degraded`, then `ok`',
    operators: 'log: `Catalog change feed unavailable (the server refuses writes now)`, then `reconnected`',
    lasts: `${(leftAfterMs / 1000).toFixed(1)} s until no connection was left on the former primary`,
  });
  expect(leftAfterMs).toBeLessThan(BOUND_MS);
});

it('while the address leads to a standby nothing is read from it, and all is served once it is promoted', async () => {
  await next.demote(); // on the same port
  await soon(async () => expect((await read('t-row')).status).toBe(503));
  for (let turn = 0; turn < 20; turn += 1) expect((await read('t-row')).status).toBe(503);
  await soon(async () => expect(await app.call('/health/ready')).toMatchObject({ body: { status: 'degraded' } }));
  await next.promote();
  await soon(async () => expect((await create('t-row')).status).toBe(201));
  await soon(async () =>
    expect(await app.call('/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } }),
  );
});

/** Applications that are connected to the former primary, apart from this test. */
function sessionsOnFormer(): Promise<object[]> {
  return former.admin(
    `SELECT application_name FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND application_name LIKE 'tenantry%'`,
  );
}

function keyOf(slug: string): string | undefined {
  return tenants.find((tenant) => tenant.slug === slug)?.apiKey;
}

function read(slug: string): ReturnType<TestApp['call']> {
  return app.call('/api/v1/customers', { apiKey: keyOf(slug) });
}

function create(slug: string): ReturnType<TestApp['call']> {
  const body = { name: NAME_AFTERWARDS, email: `${Math.random()}@example.com` };
  return app.call('/api/v1/customers', { method: 'POST', apiKey: keyOf(slug), body });
}

async function suspend(slug: string): Promise<number> {
  const { status } = await app.call(`/admin/v1/tenants/${slug}/suspend`, { method: 'POST', apiKey: ADMIN_KEY });
  return status;
}

/** A caller of one tenant that only reads. */
class Reader {
  served = 0;
  failed = 0;
  /** Answers since `mark` that lack what was created after the switchover. */
  staleSinceMark = 0;
  private stopped = false;
  private readonly reading = this.run();

  constructor(
    private readonly application: TestApp,
    private readonly tenant: TestTenant,
  ) {}

  get slug(): string {
    return this.tenant.slug;
  }

  mark(): { readonly served: number; readonly failed: number } {
    this.staleSinceMark = 0;
    return { served: this.served, failed: this.failed };
  }

  /** Resolves after 50 more answers. */
  async serves(): Promise<void> {
    const goal = this.served + 50;
    await soon(async () => expect(this.served).toBeGreaterThan(goal));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.reading;
  }

  private async run(): Promise<void> {
    await Promise.resolve(); // after the constructor
    while (!this.stopped) {
      const { status, text } = await this.application.call('/api/v1/customers', { apiKey: this.tenant.apiKey });
      if (status === 200) {
        this.served += 1;
        if (!text.includes(NAME_AFTERWARDS)) this.staleSinceMark += 1;
      } else if (status !== 403) this.failed += 1;
    }
  }
}
