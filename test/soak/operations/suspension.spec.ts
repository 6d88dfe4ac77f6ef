import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import { callOnce, KeptConnection } from '../../support/processes/keep-alive.js';
import { superuserOf } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { soon } from '../../support/load/soon.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

/** How many more requests each caller makes after it was rejected, none of which may be served. */
const OBSERVED_REQUESTS = 50;

const ISOLATIONS: readonly Isolation[] = ['row', 'schema', 'database'];

let app: TestApp;
let instances: Service[];
/** One tenant per isolation, and a neighbour of each on the same target or server. */
let suspended: TestTenant[];
let neighbours: TestTenant[];
let callers: Caller[] = [];
/** Connections of the test itself. */
const observers: pg.Client[] = [];

beforeAll(async () => {
  const common = { ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}` };
  app = await TestApp.start(common);
  suspended = [];
  neighbours = [];
  for (const isolation of ISOLATIONS) {
    suspended.push(await app.provision(`s-${isolation}`, isolation));
    neighbours.push(await app.provision(`n-${isolation}`, isolation));
  }
  const env = { ...common, DATABASE_URL: app.database.url, DB_STATEMENT_TIMEOUT: '60' };
  instances = await Promise.all([1, 2, 3].map(() => Service.start(env)));
}, 120_000);

afterAll(async () => {
  await Promise.all(callers.map((caller) => caller.stop()));
  for (const observer of observers) await observer.end();
  for (const instance of instances) await instance.stop();
  await app.dispose();
});

it('suspending tenants ends their running statements on every instance and lets no other begin, while their neighbours are served', async () => {
  const catalog = await superuser(app.database.name);
  callers = instances.flatMap(({ url }) => [...suspended, ...neighbours].map((tenant) => new Caller(url, tenant)));
  await soon(async () => expect(callers.every(({ served }) => served > 2)).toBe(true));
  const blocked = await Promise.all(suspended.map((tenant) => BlockedRow.of(tenant)));
  const changes = blocked.flatMap((row) => instances.map(({ url }) => row.change(url)));
  await soon(async () => expect(await waitingForLocks(catalog)).toBe(changes.length));

  await setStatus(catalog, 'suspended');
  expect(await Promise.all(changes)).toEqual(changes.map(() => '403 TENANT_SUSPENDED')); // while their rows are locked
  expect(await waitingForLocks(catalog)).toBe(0);
  const rejected = callers.filter(({ tenant }) => suspended.includes(tenant));
  await soon(async () => expect(rejected.every(({ outcomes }) => outcomes.has('403 TENANT_SUSPENDED'))).toBe(true));
  const servedBefore = rejected.map(({ served }) => served);
  const rowsBefore = await Promise.all(suspended.map(countCustomers));
  const answersBefore = rejected.map(({ answered }) => answered);
  await soon(async () => {
    const answers = rejected.map(({ answered }, index) => answered - answersBefore[index]!);
    expect(Math.min(...answers)).toBeGreaterThan(OBSERVED_REQUESTS);
  });
  expect(rejected.map(({ served }) => served)).toEqual(servedBefore);
  expect(await Promise.all(suspended.map(countCustomers))).toEqual(rowsBefore);
  await Promise.all(blocked.map((row) => row.unlock()));

  await setStatus(catalog, 'active');
  const goals = callers.map(({ served }) => served + 2);
  await soon(async () => expect(callers.every(({ served }, index) => served >= goals[index]!)).toBe(true));
  for (const { tenant, outcomes } of callers) {
    const expected = neighbours.includes(tenant) ? ['201'] : ['201', '403 TENANT_SUSPENDED'];
    expect({ tenant: tenant.slug, outcomes: [...outcomes].toSorted() }).toEqual({
      tenant: tenant.slug,
      outcomes: expected,
    });
  }
}, 120_000);

/** Creates one customer after another. */
class Caller {
  served = 0;
  answered = 0;
  readonly outcomes = new Set<string>();
  private stopped = false;
  private readonly connection: KeptConnection;
  private readonly working: Promise<void>;

  constructor(
    url: string,
    readonly tenant: TestTenant,
  ) {
    this.connection = new KeptConnection(url);
    this.working = this.work();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.working;
    this.connection.close();
  }

  private async work(): Promise<void> {
    while (!this.stopped) {
      const { status, body } = await this.connection.call('/api/v1/customers', {
        method: 'POST',
        apiKey: this.tenant.apiKey,
        body: { name: 'Ada', email: `${randomBytes(8).toString('hex')}@example.com` },
      });
      this.answered += 1;
      this.outcomes.add(status === 201 ? '201' : `${status} ${body?.code}`);
      if (status === 201) this.served += 1;
    }
  }
}

/** A customer whose row is locked, so that a request that changes it waits in the database. */
class BlockedRow {
  private constructor(
    private readonly tenant: TestTenant,
    private readonly id: string,
    private readonly lock: pg.Client,
  ) {}

  static async of(tenant: TestTenant): Promise<BlockedRow> {
    const body = { name: 'Blocked', email: `blocked-${randomBytes(8).toString('hex')}@example.com` };
    const created = await callOnce(app.url, '/api/v1/customers', { method: 'POST', apiKey: tenant.apiKey, body });
    const lock = await databaseOf(tenant);
    await lock.query('BEGIN');
    await lock.query(`SELECT FROM "${tenant.schema}".customers WHERE id = $1 FOR UPDATE`, [created.body.id]);
    return new BlockedRow(tenant, created.body.id, lock);
  }

  /** Waits for the lock. @returns status and code of the response */
  async change(url: string): Promise<string> {
    const change = { method: 'PATCH', apiKey: this.tenant.apiKey, body: { name: 'Changed', version: 1 } };
    const { status, body } = await callOnce(url, `/api/v1/customers/${this.id}`, change);
    return `${status} ${body?.code}`;
  }

  async unlock(): Promise<void> {
    await this.lock.query('ROLLBACK');
  }
}

/** Changes all of them at once, as the owner of the catalog would by hand. */
async function setStatus(catalog: pg.Client, status: string): Promise<void> {
  await catalog.query('UPDATE tenants SET status = $1 WHERE id = ANY ($2)', [status, suspended.map(({ id }) => id)]);
}

async function waitingForLocks(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%customers%' AND ${isNamedFor('signed')}
       AND datname IN (SELECT database FROM connection_targets)`,
  );
  return rows[0]!.count;
}

async function countCustomers(tenant: TestTenant): Promise<number> {
  const client = await databaseOf(tenant);
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM "${tenant.schema}".customers WHERE tenant_id = $1`,
    [tenant.id],
  );
  return rows[0]!.count;
}

async function databaseOf({ targetId }: TestTenant): Promise<pg.Client> {
  const sql = 'SELECT database FROM connection_targets WHERE id = $1';
  const [target] = await app.database.admin<{ database: string }>(sql, [targetId]);
  return superuser(target!.database);
}

async function superuser(database: string): Promise<pg.Client> {
  const client = new pg.Client(superuserOf(database));
  await client.connect();
  observers.push(client);
  return client;
}
