import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import { TenantConnectionService } from '../../../src/tenant/context/tenant-connection.service.js';
import { launchBehind, launchNew } from '../../contracts/launch.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { soon } from '../../support/load/soon.js';
import type { TestApp, TestTenant } from '../../support/test-app.js';

const POOL_SIZE = 2;
const STATEMENT_TIMEOUT_S = 1;
const PID = 'SELECT pg_backend_pid() AS pid';

interface Backend {
  readonly pid: number;
  readonly name: string;
  /** Whether it is logged in as a role that serves tenants. */
  readonly serving: boolean;
}

let pooler: PgBouncer;
let app: TestApp;
let acme: TestTenant;
let connections: TenantConnectionService;

beforeAll(async () => {
  pooler = await PgBouncer.start({ poolSize: POOL_SIZE });
  app = await launchNew(
    launchBehind(() => pooler),
    { DB_STATEMENT_TIMEOUT: String(STATEMENT_TIMEOUT_S) },
  );
  acme = await app.provision('acme', 'row');
  connections = app.application.nest.get(TenantConnectionService);
});

afterAll(async () => {
  await app.dispose();
  await pooler.stop();
});

function query<Row>(text: string): Promise<Row[]> {
  return connections.run(acme, async () => (await connections.dataSource(acme)).query<Row[]>(text));
}

function inTransaction(text: string): Promise<unknown> {
  return connections.run(acme, () => connections.transaction((manager) => manager.query(text)));
}

function inSession<Row extends Record<string, unknown>>(text: string): Promise<Row[]> {
  return connections.run(acme, () => connections.session(async (session) => (await session.query<Row>(text)).rows));
}

async function ordersOf(tenant: TestTenant): Promise<unknown[]> {
  const { status, body } = await app.call('/api/v1/orders', { apiKey: tenant.apiKey });
  return [status, body.code];
}

describe("the application's connections", () => {
  it('go through the pooler for tenants only', async () => {
    await Promise.all(Array.from({ length: 30 }, () => ordersOf(acme)));
    const through = await pooler.backends();
    const backends = await app.database.admin<Backend>(
      `SELECT pid, application_name AS name, usename IN (SELECT role FROM connection_targets) AS serving
       FROM pg_stat_activity
       WHERE datname = current_database() OR datname IN (SELECT database FROM connection_targets)`,
    );
    const serving = backends.filter((backend) => backend.serving).map(({ pid }) => pid);
    expect(serving).toHaveLength(POOL_SIZE);
    expect(through).toEqual(expect.arrayContaining(serving));
    // What the probe left open in the pooler is called plainly "tenantry".
    const around = backends.filter(({ pid, name }) => /^tenantry ./.test(name) && !through.includes(pid));
    // What provisioned the tenants, and the central tables' connection, are kept for a few seconds.
    const purposes = around
      .map(({ name }) => name.replace(/ @[0-9a-f]{8}$/, ''))
      .filter((name) => !['tenantry owner', 'tenantry central'].includes(name));
    expect(new Set(purposes)).toEqual(new Set(['tenantry catalog', 'tenantry signed notifications']));
  });

  it('of a session bypass the pooler', async () => {
    const [statement] = await query<{ pid: number }>(PID);
    const [session] = await inSession<{ pid: number }>(PID);
    const through = await pooler.backends();
    expect(through).toContain(statement?.pid);
    expect(through).not.toContain(session?.pid);
  });

  it('count towards one limit of the server, through the pooler or around it', () => {
    const { pools, servers } = app.application.nest.get(ConnectionPools).snapshot();
    expect(pools.length).toBeGreaterThan(1);
    expect(servers).toHaveLength(1);
  });
});

describe('a statement deadline', () => {
  // The server's error, not that of a timer of the client. A session hands it on as it is.
  const canceled = { code: '57014', message: 'canceling statement due to statement timeout' };

  it.each([
    ['a statement', query, { code: 'STATEMENT_TIMEOUT', cause: canceled }],
    ['a statement of a transaction', inTransaction, { code: 'STATEMENT_TIMEOUT', cause: canceled }],
    ['a statement of a session', inSession, canceled],
  ])('cancels %s at the server', async (_what, run, failure) => {
    await expect(run('SELECT pg_sleep(600)')).rejects.toMatchObject(failure);
    expect(await run('SHOW statement_timeout')).toEqual([{ statement_timeout: `${STATEMENT_TIMEOUT_S}s` }]);
  });
});

describe('while the pooler is down', () => {
  it('sessions, notifications and provisioning work, and requests fail until it is back', async () => {
    expect(await ordersOf(acme)).toEqual([200, undefined]);
    await pooler.stop();
    expect(await ordersOf(acme)).toEqual([503, 'TENANT_UNAVAILABLE']);
    expect(await inSession('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const globex = await app.provision('globex', 'schema');
    await app.database.admin(`UPDATE tenants SET status = 'suspended' WHERE id = $1`, [globex.id]);
    await soon(async () => expect(await ordersOf(globex)).toEqual([403, 'TENANT_SUSPENDED']));
    await app.database.admin(`UPDATE tenants SET status = 'active' WHERE id = $1`, [globex.id]);
    pooler = await PgBouncer.start({ poolSize: POOL_SIZE, port: pooler.port });
    for (const tenant of [acme, globex]) {
      await soon(async () => expect(await ordersOf(tenant)).toEqual([200, undefined]));
    }
  });
});
