import { DataSource, EntityManager, type MigrationInterface, type NamingStrategyInterface } from 'typeorm';
import { deriveDataSource, prepareTemplate } from '../../../platform/postgres/derived-data-source.js';
import { SilentTypeormLogger } from '../../../platform/postgres/silent-typeorm-logger.js';
import { type MigrationClient, SingleClientPool } from './migration-client.js';
import { MIGRATIONS_TABLE } from '../versions/recorded-migrations.js';

/** Never connected: every run derives from it. */
const TEMPLATE = new DataSource({
  type: 'postgres',
  migrationsTableName: MIGRATIONS_TABLE,
  installExtensions: false,
  logger: new SilentTypeormLogger(),
});
prepareTemplate(TEMPLATE);

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
  const dataSource = deriveDataSource(TEMPLATE, { pool: new SingleClientPool(client), database, schema });
  const options = { ...TEMPLATE.options, database, schema };
  Object.assign(dataSource.driver, { options });
  return Object.assign(dataSource, {
    options,
    namingStrategy,
    migrations: [...migrations],
    manager: new EntityManager(dataSource),
  });
}
