import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS, HostApplication } from '../support/host/host-application.js';
import { launchSwitched } from '../support/redis/with-redis.js';
import { TestRedis } from '../support/redis/test-redis.js';
import { blocksOf, commandsOf, wordsOf } from '../support/docs/code-blocks.js';
import { ConnectionPools } from '../../src/database/pool/connection-pools.js';
import { TenantConnectionService } from '../../src/tenant/context/tenant-connection.service.js';
import { RunningInstances } from '../../src/tenant/limits/running-instances.js';
import { AdminClient } from '../support/admin/admin-client.js';
import { Cli } from '../support/cli/cli.js';
import { ADMIN_KEY, type Answer, type Json, TestApp, type TestTenant } from '../support/test-app.js';
import { soon } from '../support/load/soon.js';
import { createTestDatabase } from '../support/postgres/postgres.js';

describe('over two instances with Redis', () => {
  let redis: TestRedis;
  let apps: TestApp[];
  let admin: AdminClient;
  let acme: TestTenant;

  beforeAll(async () => {
    redis = await TestRedis.start();
    const launch = launchSwitched({}, () => redis);
    const database = await createTestDatabase('catalog');
    apps = [(await launch(database, {})) as TestApp];
    apps.push((await launch(database, apps[0]!.env)) as TestApp);
    admin = new AdminClient(apps[0]!);
    acme = await apps[0]!.provision('acme', 'row');
  });

  afterAll(async () => {
    await apps[1]?.stop();
    await apps[0]?.dispose();
    await redis.stop();
  });

  const call = (instance: number): Promise<Answer> => apps[instance]!.call('/api/v1/orders', { apiKey: acme.apiKey });

  /** Sends requests in turn until the instances answer as the limit wants, as a change reaches them a moment later. */
  async function untilPolicy(expected: string | null): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const answers = [await call(0), await call(1)];
      if (answers.every(({ headers }) => headers.get('ratelimit-policy') === expected)) return;
    }
    throw new Error(`no instance answers with ${expected}`);
  }

  it('a tenant without a limit has no fields', async () => {
    expect((await call(0)).headers.get('ratelimit-policy')).toBeNull();
  });

  it('a limit holds over both instances, is said in the fields, and a change of it holds on both', async () => {
    const cli = new Cli(apps[0]!.env);
    await cli.run('tenants', 'set', 'acme', '--requests-per-day', '1000000', '--json');
    await untilPolicy('"day";q=1000000;w=86400');
    const { headers, status } = await call(1);
    expect([status, headers.get('ratelimit')]).toEqual([200, expect.stringMatching(/^"day";r=9\d{5};t=\d+$/)]);

    await admin.send('PATCH', '/tenants/acme', { body: { limits: { requestsPerSecond: 1 } } });
    await untilPolicy('"second";q=1;w=1');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => call(n % 2)));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(refused[0]!.body).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(refused[0]!.headers.get('ratelimit')).toBe('"second";r=0;t=1');
    expect(refused[0]!.headers.get('retry-after')).toBe('1');
    const metrics = (await apps[0]!.call('/metrics', { apiKey: ADMIN_KEY })).text;
    expect(metrics).toMatch(/tenantry_rate_limited_total\{limit="second"\} [1-9]/);
    expect(metrics).not.toMatch(/tenantry_rate_limit.*acme/);

    await admin.send('PATCH', '/tenants/acme', { body: { limits: {} } });
    await untilPolicy(null);
  });

  it("a plan's limit holds, and the tenant's own over it", async () => {
    await admin.send('POST', '/plans', { body: { name: 'free', limits: { requestsPerDay: 50_000 } } });
    await admin.send('PATCH', '/tenants/acme', { body: { plan: 'free' } });
    await untilPolicy('"day";q=50000;w=86400');
    await admin.send('PATCH', '/tenants/acme', { body: { limits: { requestsPerDay: 70_000 } } });
    await untilPolicy('"day";q=70000;w=86400');
    expect((await admin.get('/tenants/acme/settings')).body.limits).toEqual({
      requestsPerDay: { value: 70_000, origin: 'tenant' },
    });
    await admin.send('PATCH', '/plans/free', { body: { limits: { requestsPerDay: null, requestsPerSecond: 5_000 } } });
    await untilPolicy('"second";q=5000;w=1, "day";q=70000;w=86400');
  });

  it("a limit of connections is divided among the instances, and a tenant's callers wait for its share", async () => {
    const { nest } = apps[0]!.application;
    await admin.send('PATCH', '/tenants/acme', { body: { plan: null, limits: { maxConnections: 5 } } });
    await soon(async () => expect(nest.get(RunningInstances, { strict: false }).count()).toBe(2));
    await untilPolicy(null);
    const connections = nest.get(TenantConnectionService);
    let begun = 0;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const hold = (): Promise<void> =>
      connections.run('acme', () =>
        connections.transaction(async (manager) => {
          await manager.query('SELECT 1');
          begun += 1;
          await ended;
        }),
      );
    const held = [hold(), hold(), hold()];
    await soon(async () => expect(begun).toBe(2));
    const waiting = (): number =>
      nest
        .get(ConnectionPools)
        .snapshot()
        .pools.reduce((sum, pool) => sum + pool.waiting, 0);
    await soon(async () => expect(waiting()).toBe(1));
    expect(begun).toBe(2);
    end();
    await Promise.all(held);
    expect(begun).toBe(3);
  });

  it('routes of operators and public ones are not limited', async () => {
    await admin.send('PATCH', '/tenants/acme', { body: { limits: { requestsPerSecond: 1 } } });
    await untilPolicy('"second";q=1;w=1');
    const answers = await Promise.all(Array.from({ length: 5 }, () => admin.get('/tenants/acme')));
    expect(answers.map(({ status }: Json) => status)).toEqual(Array(5).fill(200));
  });

  it('the commands of the guide run as they are written', async () => {
    await admin.send('PATCH', '/tenants/acme', { body: { plan: null } });
    await admin.send('DELETE', '/plans/free');
    const cli = new Cli(apps[0]!.env);
    const guide = await readFile(new URL('../../docs/guides/limits.md', import.meta.url), 'utf8');
    const blocks = blocksOf('limits.md', guide).filter(({ language }) => language === 'sh');
    for (const command of blocks.flatMap(commandsOf)) {
      const { code, stderr } = await cli.run(...wordsOf(command).slice(2));
      expect([command, code, stderr]).toEqual([command, 0, '']);
    }
    await untilPolicy('"second";q=50;w=1, "day";q=50000;w=86400');
  });

  it.each([0, -1, 1.5, '5', 1e15])('the limit %p is refused', async (value) => {
    for (const name of ['requestsPerSecond', 'requestsPerDay']) {
      const answer = await admin.send('PATCH', '/tenants/acme', { body: { limits: { [name]: value } } });
      expect([answer.status, answer.body.errors[0].field]).toEqual([400, `limits.${name}`]);
    }
  });
});

describe.each(ADAPTERS)('in a host application on %s, without Redis', (adapter) => {
  let app: HostApplication;

  beforeAll(async () => {
    app = await HostApplication.start({ adapter });
  });

  afterAll(async () => app.dispose());

  it('a request counts once, and a refused one has the fields and Retry-After', async () => {
    const tenant = await app.provision('acme', 'row');
    const changed = await app.fetch('/admin/v1/tenants/acme', {
      ...{ method: 'PATCH', headers: { authorization: `Bearer ${ADMIN_KEY}` } },
      body: JSON.stringify({ limits: { requestsPerDay: 3 } }),
    });
    expect(changed.status).toBe(200);
    const fetched = () => app.fetch('/notes', { headers: { authorization: `Bearer ${tenant.apiKey}` } });
    const answers = [];
    for (let request = 0; request < 4; request += 1) answers.push(await fetched());
    expect(answers.map(({ status, headers }) => [status, headers.get('ratelimit')?.replace(/t=\d+/, 't')])).toEqual([
      [200, '"day";r=2;t'],
      [200, '"day";r=1;t'],
      [200, '"day";r=0;t'],
      [429, '"day";r=0;t'],
    ]);
    expect(Number(answers[3]!.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
