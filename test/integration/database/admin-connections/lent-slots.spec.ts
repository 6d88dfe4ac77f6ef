import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AdminConnections,
  MAX_ADMIN_CONNECTIONS,
} from '../../../../src/database/admin-connections/admin-connections.js';
import { ServerBudgets } from '../../../../src/database/budget/server-budgets.js';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { soon } from '../../../support/load/soon.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { ownerTarget } from '../../../support/tables/migration-fixture.js';
import { isNamedFor } from '../../../../src/platform/postgres/application-name.js';

const LIMIT = 8;
const { reuse: enabled, ...POOL } = POOL_OPTIONS;
const CONFIG = {
  pool: { ...POOL, enabled, timeoutMs: 10_000, tenantMaxQueued: 1_000, serverMaxConnections: LIMIT },
} as unknown as AppConfig;
const ANY_TENANT = { tenantId: 'any-tenant', share: { maxConcurrent: 100, maxQueued: 1_000 }, hold: 'lease' } as const;

let databases: TenantDatabase[];
let budgets: ServerBudgets;
let pools: ConnectionPools;
let admin: AdminConnections;

beforeAll(async () => {
  databases = [await createTenantDatabase(), await createTenantDatabase(), await createTenantDatabase()];
});
afterAll(async () => {
  for (const database of databases) await database.drop();
});
beforeEach(() => {
  budgets = new ServerBudgets(CONFIG);
  pools = new ConnectionPools(CONFIG, [], budgets);
  admin = new AdminConnections(CONFIG, undefined, budgets);
});
afterEach(async () => {
  await pools.close(10_000);
  await admin.close(10_000);
});

/** Tenants' targets, more than there are connections. */
function targets(count: number): ConnectionTarget[] {
  return Array.from({ length: count }, (_, n) => ({ ...databases[n % 3]!.target, id: `target ${n}`, shared: false }));
}

const owner = (n: number): ConnectionTarget => ownerTarget(databases[n % 3]!.name);

async function statement(target: ConnectionTarget): Promise<void> {
  const connection = await pools.get(target).acquire(ANY_TENANT);
  try {
    await connection.client.query('SELECT pg_sleep(0.002)');
  } finally {
    connection.release();
  }
}

/** What the server reports: connections of this process, and those of them that are admin connections. */
async function backends(): Promise<{ readonly all: number; readonly admin: number }> {
  const [row] = await asSuperuser<{ all: number; admin: number }>(
    'postgres',
    `SELECT count(*)::int AS all, count(*) FILTER (WHERE ${isNamedFor('owner')})::int AS admin
     FROM pg_stat_activity WHERE datname = ANY ($1) AND (usename = ANY ($2) OR ${isNamedFor('owner')})`,
    [databases.map(({ name }) => name), databases.map(({ role }) => role)],
  );
  return row!;
}

describe('on a server whose connections are all in use', () => {
  it('admin connections and tenants are both served, without one connection more than the limit', async () => {
    const all = targets(12);
    const test = { goesOn: true };
    let served = 0;
    const load = Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        for (let turn = n; test.goesOn; turn += 1) {
          await statement(all[turn % all.length]!);
          served += 1;
        }
      }),
    );
    const most = { all: 0, admin: 0, samples: 0 };
    const watch = (async () => {
      for (; test.goesOn; most.samples += 1) {
        const now = await backends();
        most.all = Math.max(most.all, now.all);
        most.admin = Math.max(most.admin, now.admin);
      }
    })();
    try {
      await soon(async () => expect(most.all).toBeGreaterThanOrEqual(LIMIT - 1));
      const before = { served, samples: most.samples };
      while (most.samples < before.samples + 20) {
        const works = Array.from({ length: 12 }, (_, n) =>
          admin.use(owner(n), (client) => client.query('SELECT pg_sleep(0.02)')),
        );
        await Promise.all(works);
      }
      expect(served).toBeGreaterThan(before.served);
    } finally {
      test.goesOn = false;
      await Promise.all([load, watch]);
    }
    expect(most.all).toBeLessThanOrEqual(LIMIT);
    expect(most.admin).toBeGreaterThan(1);
    expect(most.admin).toBeLessThanOrEqual(MAX_ADMIN_CONNECTIONS);
    await soon(async () => expect(budgets.of(owner(0).server).limit).toBe(LIMIT - 1)); // all given back
  });

  it('an operation gets a connection while tenants hold all others, and wait for it', async () => {
    const [first] = targets(1);
    const held = await Promise.all(targets(LIMIT - 1).map((target) => pools.get(target).acquire(ANY_TENANT)));
    const waiting = statement(first!);
    await admin.use(owner(0), async (client) => {
      await client.query('SELECT pg_advisory_lock(815)');
      const blocked = held.map(({ client: tenant }, n) =>
        n % 3 === 0 ? tenant.query('SELECT pg_advisory_xact_lock(815)') : undefined,
      );
      await client.query('SELECT pg_advisory_unlock(815)');
      await Promise.all(blocked);
    });
    await expect(admin.use(owner(1), async () => 'served')).resolves.toBe('served'); // the idle one is closed for it
    for (const connection of held) connection.release();
    await waiting;
  });

  it('idle connections of tenants are closed for admin connections, and no more of them than needed', async () => {
    await Promise.all(targets(LIMIT - 1).map(statement));
    await Promise.all([0, 1, 2].map((n) => admin.use(owner(n), (client) => client.query('SELECT pg_sleep(0.05)'))));
    const closed = pools.snapshot().pools.map((pool) => pool.closed['server-limit'] ?? 0);
    expect(closed.reduce((sum, count) => sum + count, 0)).toBe(2); // one of three was kept free
  });
});
