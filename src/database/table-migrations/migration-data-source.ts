import { DataSource, EntityManager, type MigrationInterface, type NamingStrategyInterface } from 'typeorm';
import { SilentTypeormLogger } from '../../platform/postgres/silent-typeorm-logger.js';
import { dataSourceProperty } from '../../platform/postgres/typeorm-versions.js';
import { type MigrationClient, SingleClientPool } from './migration-client.js';
import { MIGRATIONS_TABLE } from './recorded-migrations.js';

/**
 * Never connected. Every run inherits from it, so that a schema costs a few objects instead of a driver with a pool and
 * the four queries that TypeORM sends when it connects.
 */
const TEMPLATE = new DataSource({
  type: 'postgres',
  migrationsTableName: MIGRATIONS_TABLE,
  installExtensions: false,
  logger: new SilentTypeormLogger(),
});

/** TypeORM queries these when it connects. They hold for every supported PostgreSQL, of which 15 is the oldest. */
const DRIVER_PROPERTIES = { version: '15.0', isGeneratedColumnsSupported: true };

/** A data source that runs the migrations on one schema, over one connection. */
export function migrationDataSource(
  client: MigrationClient,
  settings: {
    readonly database: string;
    readonly schema: string;
    readonly namingStrategy?: NamingStrategyInterface | undefined;
  },
  migrations: readonly MigrationInterface[],
): DataSource {
  const { database, schema, namingStrategy = TEMPLATE.namingStrategy } = settings;
  const dataSource = Object.create(TEMPLATE) as DataSource;
  const driver = Object.create(TEMPLATE.driver) as DataSource['driver'];
  const options = { ...TEMPLATE.options, database, schema };
  Object.assign(driver, {
    ...dataSourceProperty(TEMPLATE.driver, dataSource),
    options,
    database,
    schema,
    searchSchema: schema,
    master: new SingleClientPool(client),
    connectedQueryRunners: [],
    ...DRIVER_PROPERTIES,
  });
  return Object.assign(dataSource, {
    driver,
    options,
    namingStrategy,
    migrations: [...migrations],
    manager: new EntityManager(dataSource),
    isInitialized: true,
  });
}
