import {
  DataSource,
  EntityManager,
  type MigrationInterface,
  type NamingStrategyInterface,
  type QueryRunner,
  type ReplicationMode,
} from 'typeorm';
import { deriveDataSource, prepareTemplate } from '../../../platform/postgres/derived-data-source.js';
import { SilentTypeormLogger } from '../../../platform/postgres/silent-typeorm-logger.js';
import { type MigrationClient, SingleClientPool } from './migration-client.js';
import { MIGRATIONS_TABLE } from '../versions/recorded-migrations.js';

const HAS_RECORD = `SELECT to_regclass(format('%I.${MIGRATIONS_TABLE}', $1::text)) IS NOT NULL AS exists`;

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
  const { driver } = dataSource;
  const createQueryRunner = driver.createQueryRunner.bind(driver);
  Object.assign(driver, {
    options,
    createQueryRunner: (mode: ReplicationMode) => withQuickLookUp(createQueryRunner(mode), schema),
  });
  return Object.assign(dataSource, {
    options,
    namingStrategy,
    migrations: [...migrations],
    manager: new EntityManager(dataSource),
  });
}

/**
 * TypeORM looks for its record of migrations in `information_schema`, where that takes longer than making a table of the
 * schema, and the longer the more schemas there are.
 */
function withQuickLookUp(runner: QueryRunner, schema: string): QueryRunner {
  const hasTable = runner.hasTable.bind(runner);
  runner.hasTable = async (table) => {
    if (table !== `${schema}.${MIGRATIONS_TABLE}`) return hasTable(table);
    const rows = (await runner.query(HAS_RECORD, [schema])) as [{ exists: boolean }];
    return rows[0].exists;
  };
  return runner;
}
