import { DataSource, type MigrationInterface } from 'typeorm';
import type pg from 'pg';
import { SilentTypeormLogger } from '../data-source/silent-typeorm-logger.js';
import type { ConnectionTarget } from '../pool/connection-target.js';
import { clientConfig, type PoolOptions } from '../pool/pool-options.js';
import { withOwner } from './owner-connection.js';
import { grantTenantTables } from './tenant-grants.js';

/** One schema that holds tenant tables, reached as the owner of those tables. */
export interface TenantTables {
  readonly owner: ConnectionTarget;
  readonly schema: string;
  /** The login role that applications use the tables with. */
  readonly role: string;
}

type Migration = new () => MigrationInterface;

/** In each schema beside the tables; the application's role has no rights on it. */
const MIGRATIONS_TABLE = 'schema_migrations';

/**
 * Brings a schema's tables up to date, lets the application's role use them, and tells the name of the newest
 * migration they have. Two runs on one schema take turns; the second finds nothing to do.
 */
export function migrateTenantTables(
  tables: TenantTables,
  migrations: readonly Migration[],
  options: PoolOptions,
): Promise<string> {
  return withOwner(tables.owner, options, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [`tenantry migrations ${tables.schema}`]);
    await runMigrations(tables, migrations, options);
    await grantTenantTables(client, tables.schema, tables.role);
    return newestMigration(migrations);
  });
}

/** The name that a schema with all of them is recorded with. */
export function newestMigration(migrations: readonly Migration[]): string {
  const names = migrations.map((migration) => new migration().name ?? migration.name);
  return names.toSorted((a, b) => timestampOf(a) - timestampOf(b)).at(-1) ?? 'none';
}

/** TypeORM orders migrations by the 13 digits at the end of their names. */
function timestampOf(name: string): number {
  return Number(name.slice(-13));
}

async function runMigrations(
  tables: TenantTables,
  migrations: readonly Migration[],
  options: PoolOptions,
): Promise<void> {
  const { owner, schema } = tables;
  // Migrations may take as long as they need.
  const { statement_timeout: _server, query_timeout: _client, ...connection } = clientConfig(owner, options);
  const extra: pg.PoolConfig = { ...connection, max: 1, options: `-c search_path=${schema}` };
  const dataSource = new DataSource({
    type: 'postgres',
    migrations: [...migrations],
    migrationsTableName: MIGRATIONS_TABLE,
    schema,
    database: owner.database,
    installExtensions: false,
    logger: new SilentTypeormLogger(),
    extra: { ...extra, application_name: 'tenantry migrations' },
  });
  await dataSource.initialize();
  try {
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await dataSource.destroy();
  }
}
