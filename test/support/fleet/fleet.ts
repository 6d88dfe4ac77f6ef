import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataSource, QueryRunner } from 'typeorm';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import type { OperationEntity } from '../../../src/catalog/entities/operation.entity.js';
import type { Isolation, Tenant } from '../../../src/catalog/model/tenant.js';
import { loadConfig } from '../../../src/platform/config/load-config.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { migrationRequest } from '../../../src/admin/fleet-migrations/fleet-migration.schemas.js';
import { MigrateRequest } from '../../../src/admin/fleet-migrations/migrate.request.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { OperationFailedError } from '../../../src/operations/operation.errors.js';
import { Operations } from '../../../src/operations/operations.js';
import { TenantProvisioner } from '../../../src/admin/tenants/tenant-provisioner.js';
import type { Migration } from '../../../src/database/table-migrations/versions/migration-names.js';
import { createTenantTable } from '../../../src/database/table-migrations/tenant-table.js';
import { createApp } from '../../../src/server/create-app.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../postgres/postgres.js';
import { rootModuleWith } from '../root-module.js';
import { ADMIN_KEY, dropEverything } from '../test-app.js';
import { migration } from '../tables/migration-fixture.js';

// One for the whole file: every instance must decrypt what another one encrypted.
export const KEY = randomBytes(32).toString('base64');

export const NOTES = migration('Notes1764000000001', (runner) =>
  createTenantTable(runner, 'notes', { columns: { id: 'int NOT NULL' } }),
);
export const TITLE = migration('Title1764000000002', 'ALTER TABLE notes ADD COLUMN title text');

/** Schemas of tenants whose slug begins with `fails`. */
const failing = new Set<string | null>();

/** Raises where the tenant's slug begins with `fails`. */
export async function failWhereNamed(runner: QueryRunner): Promise<void> {
  const [{ schema }] = (await runner.query('SELECT current_schema() AS schema')) as [{ schema: string }];
  if (failing.has(schema)) await runner.query(`DO $$ BEGIN RAISE EXCEPTION 'not here'; END $$`);
}

/** Like `TITLE`, but it raises where the tenant's slug begins with `fails`. */
export const TITLE_OR_FAIL = migration('Title1764000000002', async (runner) => {
  await runner.query('ALTER TABLE notes ADD COLUMN title text');
  await failWhereNamed(runner);
});

export interface TenantRow {
  readonly slug: string;
  readonly status: string;
  readonly message: string | null;
  readonly version: string | null;
}

export interface ResultRow {
  readonly slug: string;
  readonly status: string;
  readonly code: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

type Request = Readonly<Record<string, unknown>>;

/**
 * An instance with its own version of the code, that is, with the given migrations. It runs no operations by itself.
 */
export class Instance {
  private isStopped = false;

  private constructor(
    readonly nest: NestFastifyApplication,
    private readonly dataDir: string,
  ) {}

  static async start(database: TestDatabase, migrations: readonly Migration[], env = {}): Promise<Instance> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-fleet-'));
    const settings = {
      ...{ NODE_ENV: 'test', LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent', LOG_FORMAT: 'json' },
      ...{ DATABASE_URL: database.url, DATA_DIR: dataDir, ADMIN_API_KEY: ADMIN_KEY, ENCRYPTION_KEYS: `test:${KEY}` },
      ...{ ENABLE_REDIS_CACHE: 'false', ...env },
    };
    const schema = { migrations };
    return new Instance(await createApp(loadConfig({ env: settings, cwd: dataDir }), rootModuleWith(schema)), dataDir);
  }

  get catalog(): DataSource {
    return this.nest.get<DataSource>(CATALOG);
  }

  async provision(slug: string, isolation: Isolation, server = 'default'): Promise<Tenant> {
    const tenant = await this.nest.get(TenantProvisioner).provision({ slug, isolation, server });
    if (slug.startsWith('fails')) failing.add(tenant.schema);
    return tenant;
  }

  /** Creates a migrate operation. */
  async ask(request: Request = {}): Promise<string> {
    const input = migrationRequest.parse({ kind: 'migrate', ...request });
    const create = this.nest.get(MigrateRequest);
    return (await this.catalog.transaction((catalog) => create.create(catalog, input, TENANTRY_ACTOR))).id;
  }

  /** Runs the operation until it has ended, even when it fails. */
  async complete(id: string): Promise<OperationEntity> {
    await this.nest
      .get(OperationRunner)
      .runToCompletion(id)
      .catch((error: unknown) => {
        if (!(error instanceof OperationFailedError)) throw error;
      });
    return this.nest.get(Operations).find(id);
  }

  async migrate(request: Request = {}): Promise<OperationEntity> {
    return this.complete(await this.ask(request));
  }

  async retry(id: string): Promise<OperationEntity> {
    await this.nest.get(Operations).retry(id, TENANTRY_ACTOR);
    return this.complete(id);
  }

  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    await this.nest.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** A catalog, and instances with older and newer code over it. */
export class Fleet {
  private readonly instances: Instance[] = [];

  private constructor(readonly database: TestDatabase) {}

  static async create(): Promise<Fleet> {
    return new Fleet(await createTestDatabase('catalog'));
  }

  async instance(migrations: readonly Migration[], env?: Record<string, string>): Promise<Instance> {
    const instance = await Instance.start(this.database, migrations, env);
    this.instances.push(instance);
    return instance;
  }

  tenants(): Promise<TenantRow[]> {
    return this.database.admin('SELECT slug, status, message, schema_version AS version FROM tenants ORDER BY slug');
  }

  async tenant(slug: string): Promise<TenantRow | undefined> {
    return (await this.tenants()).find((tenant) => tenant.slug === slug);
  }

  results(operationId: string): Promise<ResultRow[]> {
    return this.database.admin(
      `SELECT slug, status, error ->> 'code' AS code, from_version AS from, to_version AS to
       FROM operation_tenants WHERE operation_id = $1 ORDER BY slug`,
      [operationId],
    );
  }

  /** Whether the table in the tenant's own database has the column. */
  async hasColumn(slug: string, column: string): Promise<boolean> {
    const [location] = await this.database.admin<{ database: string; schema: string }>(
      `SELECT c.database, t.schema_name AS schema FROM tenants t JOIN connection_targets c ON c.id = t.target_id
       WHERE t.slug = $1`,
      [slug],
    );
    const rows = await asSuperuser(
      location!.database,
      'SELECT FROM information_schema.columns WHERE table_schema = $1 AND column_name = $2',
      [location!.schema, column],
    );
    return rows.length > 0;
  }

  set(slug: string, change: string): Promise<unknown> {
    return this.database.admin(`UPDATE tenants SET ${change} WHERE slug = $1`, [slug]);
  }

  async dispose(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
    await dropEverything(this.database);
  }
}
