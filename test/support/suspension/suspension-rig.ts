import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { MigrationSets } from '../../../src/catalog/tenant-tables/migration-sets.js';
import { type Placement, TenantDataSources } from '../../../src/database/data-source/tenant-data-sources.js';
import { ConnectionPools } from '../../../src/database/pool/connection-pools.js';
import { type ConnectionTarget, targetOfUrl } from '../../../src/database/connection/connection-target.js';
import type { SessionLease } from '../../../src/database/transactions/session-lease.js';
import { TenantAdmission } from '../../../src/tenant/admission/tenant-admission.js';
import { TenantAvailability } from '../../../src/tenant/admission/tenant-availability.js';
import { LookupInstance, randomSlug } from '../cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase, superuserOf } from '../postgres/postgres.js';
import { createTenantDatabase, TENANT_COLUMN, type TenantDatabase, tenantPolicy } from '../postgres/tenant-database.js';
import { POOL_OPTIONS } from '../pool/test-pool.js';

const SCHEMA = { entities: [], migrations: [] };

export interface RigTenant {
  readonly id: string;
  readonly slug: string;
  readonly placement: Placement;
  /** Opened before the suspension. */
  readonly dataSource: DataSource;
  /** A comment for statements to be found by in `pg_stat_activity`. */
  readonly tag: string;
}

interface RigOptions {
  readonly pool?: Partial<AppConfig['pool']>;
  /** The connection to the tenants' database. */
  readonly through?: (target: ConnectionTarget) => ConnectionTarget;
  /** The connection that receives notifications. */
  readonly notificationsThrough?: (target: ConnectionTarget) => ConnectionTarget;
  /** The connection to the catalog. */
  readonly askedThrough?: (target: ConnectionTarget) => ConnectionTarget;
}

/** The pools of one instance and its view of a real catalog, over a database that its tenants share. */
export class SuspensionRig {
  private constructor(
    readonly catalog: TestDatabase,
    readonly database: TenantDatabase,
    readonly instance: LookupInstance,
    readonly pools: ConnectionPools,
    private readonly dataSources: TenantDataSources,
    private readonly target: ConnectionTarget,
    private readonly observer: pg.Client,
  ) {}

  static async open(options: RigOptions = {}): Promise<SuspensionRig> {
    const { pool = {}, through = same, notificationsThrough = same, askedThrough = same } = options;
    Logger.overrideLogger(false);
    const [catalog, database] = [await createTestDatabase('catalog'), await createTenantDatabase()];
    await database.define(
      'shared',
      `CREATE TABLE marks (${TENANT_COLUMN}, at timestamptz NOT NULL DEFAULT clock_timestamp()); ${tenantPolicy('marks')};
       CREATE FUNCTION stubborn() RETURNS void LANGUAGE plpgsql AS $$
       BEGIN LOOP BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$`,
    );
    const target = targetOfUrl(catalog.url, DEFAULT_SERVER);
    const instance = await LookupInstance.open(askedThrough(target), {
      notificationsThrough: notificationsThrough(target),
    });
    await catalog.admin(`INSERT INTO connection_targets (server_id, kind, database, role, password_sealed)
      SELECT id, 'shared', 'anywhere', 'any-tenant', 'never opened' FROM servers`);
    const config = { pool: { ...POOL, ...pool } } as AppConfig;
    const pools = new ConnectionPools(config);
    const dataSources = new TenantDataSources(config, SCHEMA, pools);
    await dataSources.onModuleInit();
    const sets = new MigrationSets(instance.catalog);
    const availability = new TenantAvailability(SCHEMA, sets);
    pools.admission = new TenantAdmission(pools, instance.lookup, availability, instance.events);
    const observer = new pg.Client(superuserOf(database.name));
    await observer.connect();
    return new SuspensionRig(catalog, database, instance, pools, dataSources, through(database.target), observer);
  }

  /** Creates an active tenant. */
  async tenant(): Promise<RigTenant> {
    const [id, slug] = [randomUUID(), randomSlug()];
    await this.catalog.admin(
      `INSERT INTO tenants (id, slug, isolation, status, target_id, schema_name, schema_version)
       SELECT $1, $2, 'row', 'active', id, 'shared', 'none' FROM connection_targets`,
      [id, slug],
    );
    const placement: Placement = { tenantId: id, schema: 'shared', target: this.target, limits: {} };
    return { id, slug, placement, dataSource: this.dataSources.create(placement), tag: `/* ${slug} */` };
  }

  session<T>({ placement }: RigTenant, work: (session: SessionLease) => Promise<T>): Promise<T> {
    return this.dataSources.session(placement, work);
  }

  /** Sets the status directly in the catalog. @returns a time after the commit, by the server's clock, in ms */
  async setStatus({ id }: RigTenant, status: string): Promise<number> {
    await this.catalog.admin('UPDATE tenants SET status = $1 WHERE id = $2', [status, id]);
    return this.now();
  }

  async now(): Promise<number> {
    const { rows } = await this.observer.query<{ now: number }>(
      'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
    );
    return rows[0]!.now;
  }

  /** When the tenant's last committed mark was written, by the server's clock, in ms. */
  async lastMark({ id }: RigTenant): Promise<number> {
    const { rows } = await this.observer.query<{ at: number }>(
      'SELECT extract(epoch FROM max(at))::float8 * 1000 AS at FROM shared.marks WHERE tenant_id = $1',
      [id],
    );
    return rows[0]!.at;
  }

  /** Backends that run a statement of the tenant or hold its transaction open. */
  async backendsOf({ tag }: RigTenant): Promise<{ readonly pid: number; readonly state: string }[]> {
    const { rows } = await this.observer.query<{ pid: number; state: string }>(
      `SELECT pid, state FROM pg_stat_activity
       WHERE usename = $1 AND state <> 'idle' AND strpos(query, $2) > 0`,
      [this.database.role, tag],
    );
    return rows;
  }

  /** Resolves when the given number of backends works for the tenant. */
  async untilBackends(tenant: RigTenant, count: number): Promise<number> {
    while ((await this.backendsOf(tenant)).length !== count) await delay(5);
    return this.now();
  }

  async close(): Promise<void> {
    await this.pools.close(5_000);
    await this.observer.end();
    await this.instance.close();
    await this.catalog.drop();
    await this.database.drop();
  }
}

/** Far beyond a test's own timeout: no statement and no wait ends by itself. */
const NEVER_MS = 600_000;

const POOL: AppConfig['pool'] = {
  ...POOL_OPTIONS,
  enabled: true,
  size: 4,
  statementTimeoutMs: NEVER_MS,
  timeoutMs: NEVER_MS,
  serverMaxConnections: 90,
  tenantMaxConcurrent: 3,
  tenantMaxQueued: 100,
};

function same(target: ConnectionTarget): ConnectionTarget {
  return target;
}

/** @returns `done`, or the code of the error, unwrapped from TypeORM's */
export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code?: string; driverError?: { code?: string } }) =>
      error.driverError?.code ?? error.code ?? String(error),
  );
}

/** Repeats the work until it fails. @returns the code of its error */
export async function untilRefused(work: () => Promise<unknown>): Promise<string> {
  for (;;) {
    const code = await codeOf(work());
    if (code !== 'done') return code;
  }
}

/** Work of another tenant, which must not be affected. */
export class Bystander {
  served = 0;
  readonly failures: string[] = [];
  readonly pids = new Set<number>();
  private stopped = false;
  private readonly working: Promise<void>;

  constructor(private readonly dataSource: DataSource) {
    this.working = this.work();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.working;
  }

  private async work(): Promise<void> {
    while (!this.stopped) {
      try {
        const [row] = await this.dataSource.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
        this.pids.add(row!.pid);
        this.served += 1;
      } catch (error) {
        this.failures.push(String(error));
      }
      await new Promise(setImmediate);
    }
  }
}
