import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { ISOLATIONS, type Isolation } from '../../../src/catalog/model/tenant.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { newServer } from '../../../src/admin/servers/server.schemas.js';
import { Servers } from '../../../src/admin/servers/servers.js';
import { newTenant } from '../../../src/admin/tenants/tenant.schemas.js';
import { Tenants } from '../../../src/admin/tenants/tenants.js';
import { MAX_ADMIN_CONNECTIONS } from '../../../src/database/admin-connections/admin-connections.js';
import { sampleSchema } from '../../support/sample-schema.js';
import { Fleet, type Instance } from '../../support/fleet/fleet.js';
import { migration } from '../../support/tables/migration-fixture.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const COUNTS: Readonly<Record<Isolation, number>> = { row: 750, schema: 200, database: 50 };
const SERVERS = ['default', 'other'];
const LIMIT = 30;
const WITHIN_MS = 900_000;

const PHONE = migration('AddPhone1765000000000', async (runner) => {
  await runner.query('ALTER TABLE customers ADD COLUMN phone text');
  await runner.query('CREATE INDEX customers_phone_idx ON customers (tenant_id, phone)');
});

let fleet: Fleet;
let other: PrivatePostgres;

beforeAll(async () => {
  fleet = await Fleet.create();
  other = await PrivatePostgres.start();
});
afterAll(async () => {
  await fleet.dispose();
  await other.stop();
});

it(
  '1,000 tenants on two servers are provisioned and migrated within the connection limit',
  async () => {
    const old = await fleet.instance(sampleSchema.migrations, { DB_SERVER_MAX_CONNECTIONS: String(LIMIT) });
    await registerOther(old);
    const provisioning = new ConnectionWatch();
    old.nest.get(OperationRunner).start();
    for (const isolation of ISOLATIONS) await provisionAll(old, isolation);
    await provisioning.assertWithinLimits();
    await old.stop();
    const newer = await fleet.instance([...sampleSchema.migrations, PHONE], {
      DB_SERVER_MAX_CONNECTIONS: String(LIMIT),
    });
    const migrating = new ConnectionWatch();
    const start = performance.now();
    const operation = await newer.migrate({ canary: { count: 3 }, parallelism: 4 });
    tell('migrated', 1_000, start);
    expect(operation).toMatchObject({ status: 'succeeded', error: null });
    // Row tenants are one unit on each server.
    expect(operation.result).toMatchObject({ units: 252, migrated: 252, failed: 0, remaining: 0, tenants: 1_000 });
    const again = performance.now();
    expect((await newer.migrate()).result).toMatchObject({ units: 0 });
    tell('migrated again, with nothing to do', 1_000, again);
    const groups = await fleet.database.admin(
      'SELECT isolation, status, schema_version AS version, count(*)::int AS n FROM tenants GROUP BY 1, 2, 3 ORDER BY 4',
    );
    const ended = { status: 'active', version: 'AddPhone1765000000000' };
    expect(groups).toEqual(
      (['database', 'schema', 'row'] as const).map((isolation) => ({ isolation, ...ended, n: COUNTS[isolation] })),
    );
    await migrating.assertWithinLimits();
  },
  WITHIN_MS,
);

async function registerOther(instance: Instance): Promise<void> {
  const login = { ...other.address, ownerRole: 'tenantry', ownerPassword: PASSWORDS.owner };
  const asked = newServer.parse({ name: 'other', ...login });
  await instance.catalog.transaction((catalog) => instance.nest.get(Servers).register(catalog, asked, TENANTRY_ACTOR));
}

/** Requested one after the other, and provisioned by the instance in the background. */
async function provisionAll(instance: Instance, isolation: Isolation): Promise<void> {
  const start = performance.now();
  for (let n = 0; n < COUNTS[isolation]; n += 1) {
    const asked = newTenant.parse({ slug: `${isolation}-${n}`, isolation, server: SERVERS[n % SERVERS.length] });
    await instance.catalog.transaction((catalog) => instance.nest.get(Tenants).create(catalog, asked, TENANTRY_ACTOR));
  }
  tell(`asked for (${isolation})`, COUNTS[isolation], start);
  while ((await left()) > 0) await delay(100);
  tell(`provisioned (${isolation})`, COUNTS[isolation], start);
}

async function left(): Promise<number> {
  const rows = await fleet.database.admin(`SELECT FROM tenants WHERE status = 'provisioning'`);
  return rows.length;
}

function tell(what: string, tenants: number, start: number): void {
  const seconds = (performance.now() - start) / 1_000;
  const rate = tenants / seconds;
  process.stdout.write(`${what}: ${tenants} tenants in ${seconds.toFixed(1)} s, ${rate.toFixed(1)}/s\n`);
}

/** Samples continuously how many connections the instance has to each server. */
class ConnectionWatch {
  private most = 0;
  private mostOfOwner = 0;
  private goesOn = true;
  private readonly watched = this.look();

  async assertWithinLimits(): Promise<void> {
    this.goesOn = false;
    await this.watched;
    process.stdout.write(`connections to a server at most: ${this.most}, of the owner ${this.mostOfOwner}\n`);
    expect(this.most).toBeLessThanOrEqual(LIMIT);
    expect(this.mostOfOwner).toBeLessThanOrEqual(MAX_ADMIN_CONNECTIONS);
    expect(this.mostOfOwner).toBeGreaterThan(0);
  }

  private async look(): Promise<void> {
    const query = `SELECT count(*)::int AS n, (count(*) FILTER (WHERE ${isNamedFor('owner')}))::int AS owner
      FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name LIKE 'tenantry%'`;
    while (this.goesOn) {
      for (const ask of [asSuperuser.bind(null, 'postgres'), other.admin.bind(other)]) {
        const [row] = (await ask(query)) as { n: number; owner: number }[];
        this.most = Math.max(this.most, row?.n ?? 0);
        this.mostOfOwner = Math.max(this.mostOfOwner, row?.owner ?? 0);
      }
      await delay(50);
    }
  }
}
