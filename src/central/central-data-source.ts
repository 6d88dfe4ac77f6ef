import { DataSource, type EntityMetadata, type EntityTarget, MigrationExecutor, type ObjectLiteral } from 'typeorm';
import { catalogDriver } from '../catalog/catalog-pool.js';
import { CatalogUnavailableError, MissingRightsError } from '../catalog/catalog.errors.js';
import { MAY_CREATE_TABLES, tablesRight } from '../catalog/catalog-rights.js';
import { withCatalogSchema } from '../catalog/catalog-schema.js';
import { clientConfig } from '../database/connection/client-config.js';
import { type ConnectionTarget, targetName } from '../database/connection/connection-target.js';
import type { SlotSource } from '../database/connection/slot-source.js';
import type { PoolOptions } from '../database/pool/pool-options.js';
import { CENTRAL_MIGRATIONS_LOCK } from '../platform/postgres/advisory-locks.js';
import { createSchemaSql } from '../platform/postgres/create-schema.js';
import { entityName, isSameEntity } from '../platform/postgres/entity-names.js';
import { applicationName } from '../platform/postgres/application-name.js';
import { SilentTypeormLogger } from '../platform/postgres/silent-typeorm-logger.js';
import type { CentralTables } from './central-tables.js';
import { TenantEntityError } from './central.errors.js';

/** Injection token of the `DataSource` of the central tables; null when there are none. */
export const CENTRAL = Symbol.for('tenantry/CENTRAL');

/** Connections of its pool. None is kept while it is idle: then pools of tenants have them. */
export const CENTRAL_POOL = { max: 4 } as const;
const IDLE_TIMEOUT_MS = 10_000;

const MIGRATIONS_TABLE = 'central_migrations';

interface CentralOptions {
  readonly tables: CentralTables;
  /** The value of `CENTRAL_SCHEMA`. */
  readonly schema: string;
  /** Entities that these connections do not reach. */
  readonly tenantEntities: readonly EntityTarget<ObjectLiteral>[];
  /** Slots for the connections of the pool; without limit unless given. */
  readonly slots?: SlotSource | undefined;
}

/**
 * An ordinary data source: it knows no tenant context and sends no stamp. Its search path is the central schema alone, so that
 * an unqualified name finds no table of the catalog.
 */
class CentralDataSource extends DataSource {
  constructor(
    options: ConstructorParameters<typeof DataSource>[0],
    private readonly tenantEntities: readonly EntityTarget<ObjectLiteral>[],
  ) {
    super(options);
  }

  /** @throws TenantEntityError */
  override hasMetadata(target: EntityTarget<ObjectLiteral>): boolean {
    const isKnown = super.hasMetadata(target);
    const misplaced = isKnown ? undefined : this.tenantEntities.find((entity) => isSameEntity(entity, target));
    if (misplaced !== undefined) throw new TenantEntityError(entityName(misplaced));
    return isKnown;
  }

  /** @throws TenantEntityError */
  override getMetadata(target: EntityTarget<ObjectLiteral>): EntityMetadata {
    this.hasMetadata(target);
    return super.getMetadata(target);
  }
}

/**
 * Connects to the catalog's database with the owner's role, creates the central schema and migrates its tables; one instance
 * at a time.
 *
 * @throws CatalogUnavailableError, MissingRightsError, and the error of a migration
 */
export async function openCentral(
  target: ConnectionTarget,
  options: PoolOptions,
  { tables, schema, tenantEntities, slots }: CentralOptions,
): Promise<DataSource> {
  const config = { ...clientConfig(target, options), application_name: applicationName('central', options.instanceId) };
  const central = new CentralDataSource(
    {
      type: 'postgres',
      entities: [...tables.entities] as (new () => object)[],
      migrations: [...tables.migrations],
      subscribers: [...tables.subscribers],
      migrationsTableName: MIGRATIONS_TABLE,
      installExtensions: false,
      uuidExtension: 'pgcrypto', // `gen_random_uuid()`, built in since PostgreSQL 13
      logger: new SilentTypeormLogger(),
      poolErrorHandler: () => undefined, // a broken idle connection is replaced on its next use
      database: target.database,
      schema,
      driver: catalogDriver,
      poolSize: CENTRAL_POOL.max,
      extra: { ...withCatalogSchema(config, schema), idleTimeoutMillis: IDLE_TIMEOUT_MS, slots },
    },
    tenantEntities,
  );
  try {
    await central.initialize();
  } catch (error) {
    throw new CatalogUnavailableError(targetName(target), error);
  }
  try {
    await migrate(central, target, schema);
    return central;
  } catch (error) {
    await central.destroy();
    throw error;
  }
}

/** On one connection, lock and all: a start needs no second one of the server's budget. */
async function migrate(central: DataSource, target: ConnectionTarget, schema: string): Promise<void> {
  const runner = central.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [CENTRAL_MIGRATIONS_LOCK]);
    const [rights] = (await runner.query(`SELECT ${MAY_CREATE_TABLES} AS "mayCreate"`, [schema])) as [
      { mayCreate: boolean },
    ];
    if (!rights.mayCreate)
      throw new MissingRightsError(target.role, [tablesRight(schema, target.database, 'central tables')]);
    await runner.query(createSchemaSql(schema));
    const migrations = new MigrationExecutor(central, runner);
    migrations.transaction = 'each';
    await migrations.executePendingMigrations();
    await runner.query('SELECT pg_advisory_unlock($1)', [CENTRAL_MIGRATIONS_LOCK]);
  } finally {
    await runner.release();
  }
}
