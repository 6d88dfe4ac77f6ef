import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { expect } from '@jest/globals';
import { createTenantDataSource } from '../../../src/database/data-source/tenant-data-source.js';
import { TemplateDataSource } from '../../../src/database/data-source/template-data-source.js';
import type { PoolOptions } from '../../../src/database/pool/pool-options.js';
import { accessTo, TestPool } from '../pool/test-pool.js';
import { createStamp } from '../../../src/database/statements/stamps/stamp.js';
import type { TenantSchema } from '../../../src/database/table-migrations/tenant-schema/tenant-schema.js';
import { soon } from '../load/soon.js';
import { createTenantDatabase, type TenantDatabase } from '../postgres/tenant-database.js';
import { LIBRARY_ENTITIES } from './library.entities.js';
import { ALL_TABLES, CREATE_TABLES, OWNED_TABLES } from './tables.js';
import { TREE_ENTITIES } from './tree.entities.js';

export interface TestTenant {
  readonly name: string;
  readonly id: string;
  readonly schema: string;
  readonly database: TenantDatabase;
  readonly pool: TestPool;
  readonly dataSource: DataSource;
}

/** Fewer connections than tenants, so that tenants take turns on the same ones statement by statement. */
const POOL: Partial<PoolOptions> = {
  size: 2,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 20_000,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
};

export interface TestTenantsOptions {
  readonly subscribers?: NonNullable<TenantSchema['subscribers']>;
  /** For tests that hold a connection while they acquire another. */
  readonly poolSize?: number;
  /** How long a caller waits for a connection. */
  readonly timeoutMs?: number;
}

/**
 * Five tenants over one metadata graph: two share tables (`acme`, `umbrella`), two have schemas in that same database
 * (`globex`, `hooli`), one has a database of its own (`initech`).
 */
export class TestTenants {
  private constructor(
    readonly all: readonly TestTenant[],
    readonly template: TemplateDataSource,
    private readonly pools: readonly TestPool[],
  ) {}

  static async create(created: TestTenantsOptions = {}): Promise<TestTenants> {
    const { subscribers = [], poolSize = POOL.size, timeoutMs = POOL.timeoutMs } = created;
    const [common, own] = [await createTenantDatabase(), await createTenantDatabase()];
    await Promise.all([
      common.define('shared', CREATE_TABLES),
      own.define('main', CREATE_TABLES),
      common.define('globex', CREATE_TABLES).then(() => common.define('hooli', CREATE_TABLES)),
    ]);
    const entities = [...LIBRARY_ENTITIES, ...TREE_ENTITIES];
    const template = await TemplateDataSource.build({ entities, migrations: [], subscribers });
    const options = { ...POOL, size: poolSize, timeoutMs };
    const pools = [new TestPool(common.target, options), new TestPool(own.target, options)] as const;
    const tenant = (name: string, database: TenantDatabase, schema: string): TestTenant => {
      const id = randomUUID();
      const pool = database === common ? pools[0] : pools[1];
      const dataSource = createTenantDataSource(template, accessTo(pool, createStamp(id, schema)), schema);
      return { name, id, schema, database, pool, dataSource };
    };
    const all = [
      tenant('acme', common, 'shared'),
      tenant('umbrella', common, 'shared'),
      tenant('globex', common, 'globex'),
      tenant('hooli', common, 'hooli'),
      tenant('initech', own, 'main'),
    ];
    return new TestTenants(all, template, pools);
  }

  named(name: string): TestTenant {
    const found = this.all.find((tenant) => tenant.name === name);
    if (!found) throw new Error(`no test tenant ${name}`);
    return found;
  }

  /** Runs the same work for all tenants at once. @returns the result of each by its name */
  async each<T>(work: (tenant: TestTenant) => Promise<T>): Promise<Record<string, T>> {
    return Object.fromEntries(await Promise.all(this.all.map(async (tenant) => [tenant.name, await work(tenant)])));
  }

  /** Asserts, as the superuser, who bypasses policies, that every row is stored under the tenant it was written for. */
  async expectRowsWithTheirOwners(): Promise<void> {
    for (const { name, id, schema, database } of this.all) {
      const strays = OWNED_TABLES.map(
        (table) => `SELECT '${table}' AS table, owner FROM ${schema}.${table} WHERE (tenant_id = $1) <> (owner = $2)`,
      );
      expect({ name, strays: await database.admin(strays.join(' UNION ALL '), [id, name]) }).toEqual({
        name,
        strays: [],
      });
    }
  }

  /** Counts, as the superuser, the rows of a table that belong to the tenant. */
  async countOutside({ id, schema, database }: TestTenant, table: string): Promise<number> {
    const [row] = await database.admin<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${schema}.${table} WHERE tenant_id = $1`,
      [id],
    );
    return row?.count ?? 0;
  }

  /** Asserts that no connection is checked out or waited for; a stream releases its own just after its end. */
  async expectNothingHeld(): Promise<void> {
    await soon(async () => {
      for (const pool of this.pools) expect(pool.counts()).toMatchObject({ busy: 0, waiting: 0 });
    });
    for (const { dataSource } of this.all) expect(dataSource.driver).toMatchObject({ connectedQueryRunners: [] });
  }

  async empty(): Promise<void> {
    for (const { schema, database } of this.all) {
      await database.admin(
        ALL_TABLES.map((table) => `DELETE FROM ${schema}.${table}`)
          .reverse()
          .join(';'),
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.end()));
    for (const database of new Set(this.all.map((tenant) => tenant.database))) await database.drop();
  }
}
