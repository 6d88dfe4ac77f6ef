import { DataSource, getMetadataArgsStorage } from 'typeorm';
import { CATALOG_MIGRATIONS_LOCK } from '../platform/postgres/advisory-locks.js';
import { applicationName } from '../platform/postgres/application-name.js';
import { SilentTypeormLogger } from '../platform/postgres/silent-typeorm-logger.js';
import { targetName, type ConnectionTarget } from '../database/connection/connection-target.js';
import { type ConnectionConfig, ReadWriteClient } from '../database/connection/read-write-client.js';
import type { SlotSource } from '../database/connection/slot-source.js';
import type { PoolOptions } from '../database/pool/pool-options.js';
import { clientConfig } from '../database/connection/client-config.js';
import { catalogDriver } from './catalog-pool.js';
import { assertRights } from './catalog-rights.js';
import {
  CATALOG_MIGRATIONS_TABLE,
  createCatalogSchema,
  findCatalogSchema,
  withCatalogSchema,
} from './catalog-schema.js';
import { CatalogSchemaError, CatalogUnavailableError } from './catalog.errors.js';
import { ApiKeyEntity } from './entities/api-key.entity.js';
import { AuditEntryEntity } from './entities/audit-entry.entity.js';
import { ConnectionTargetEntity } from './entities/connection-target.entity.js';
import { IdempotencyKeyEntity } from './entities/idempotency-key.entity.js';
import { OperationHookEntity } from './entities/operation-hook.entity.js';
import { OperationEntity } from './entities/operation.entity.js';
import { OperationTenantEntity } from './entities/operation-tenant.entity.js';
import { ServerEntity } from './entities/server.entity.js';
import { TenantDomainEntity } from './entities/tenant-domain.entity.js';
import { TenantEntity } from './entities/tenant.entity.js';
import { CreateCatalog1764000000000 } from './schema-migrations/1764000000000-create-catalog.js';
import { ControlPlane1765000000000 } from './schema-migrations/1765000000000-control-plane.js';
import { SignedStamps1766000000000 } from './schema-migrations/1766000000000-signed-stamps.js';
import { AuditOrigin1767000000000 } from './schema-migrations/1767000000000-audit-origin.js';
import { Erasure1768000000000 } from './schema-migrations/1768000000000-erasure.js';
import { ProvidedTargets1769000000000 } from './schema-migrations/1769000000000-provided-targets.js';
import { Cron1773000000000 } from './schema-migrations/1773000000000-cron.js';
import { MigrationSets1771000000000 } from './schema-migrations/1771000000000-migration-sets.js';
import { ReferenceData1772000000000 } from './schema-migrations/1772000000000-reference-data.js';
import { TenantLife1774000000000 } from './schema-migrations/1774000000000-tenant-life.js';
import { AdoptedTargets1775000000000 } from './schema-migrations/1775000000000-adopted-targets.js';
import { Moves1776000000000 } from './schema-migrations/1776000000000-moves.js';
import { Backups1777000000000 } from './schema-migrations/1777000000000-backups.js';
import { Restores1778000000000 } from './schema-migrations/1778000000000-restores.js';
import { Exports1778500000000 } from './schema-migrations/1778500000000-exports.js';
import { Operators1779000000000 } from './schema-migrations/1779000000000-operators.js';
import { Plans1780000000000 } from './schema-migrations/1780000000000-plans.js';
import { Usage1781000000000 } from './schema-migrations/1781000000000-usage.js';
import { OperatorSessions1783000000000 } from './schema-migrations/1783000000000-operator-sessions.js';
import { UsageTotals1784000000000 } from './schema-migrations/1784000000000-usage-totals.js';
import { ArchiveUpkeep1785000000000 } from './schema-migrations/1785000000000-archive-upkeep.js';
import { AuditedTenants1786000000000 } from './schema-migrations/1786000000000-audited-tenants.js';
import { Instances1790000000000 } from './schema-migrations/1790000000000-instances.js';
import { Placement1790100000000 } from './schema-migrations/1790100000000-placement.js';
import { FurtherAddresses1790200000000 } from './schema-migrations/1790200000000-further-addresses.js';
import { Replicas1790300000000 } from './schema-migrations/1790300000000-replicas.js';
import { StoredSizes1788000000000 } from './schema-migrations/1788000000000-stored-sizes.js';
import { ArchiveKeyEntity } from './entities/archive-key.entity.js';
import { BackupEntity } from './entities/backup.entity.js';
import { ExportEntity } from './entities/export.entity.js';
import { MoveEntity } from './entities/move.entity.js';
import { OperatorKeyEntity } from './entities/operator-key.entity.js';
import { OperatorSessionEntity } from './entities/operator-session.entity.js';
import { OperatorEntity } from './entities/operator.entity.js';
import { PlanEntity } from './entities/plan.entity.js';

const ENTITIES = [
  ServerEntity,
  ConnectionTargetEntity,
  TenantEntity,
  ApiKeyEntity,
  TenantDomainEntity,
  OperationEntity,
  OperationTenantEntity,
  OperationHookEntity,
  AuditEntryEntity,
  IdempotencyKeyEntity,
  MoveEntity,
  ArchiveKeyEntity,
  BackupEntity,
  OperatorEntity,
  OperatorKeyEntity,
  OperatorSessionEntity,
  ExportEntity,
  PlanEntity,
];
/** In the order in which they run. */
export const CATALOG_MIGRATIONS = [
  CreateCatalog1764000000000,
  ControlPlane1765000000000,
  SignedStamps1766000000000,
  AuditOrigin1767000000000,
  Erasure1768000000000,
  ProvidedTargets1769000000000,
  MigrationSets1771000000000,
  ReferenceData1772000000000,
  Cron1773000000000,
  TenantLife1774000000000,
  AdoptedTargets1775000000000,
  Moves1776000000000,
  Backups1777000000000,
  Restores1778000000000,
  Exports1778500000000,
  Operators1779000000000,
  Plans1780000000000,
  Usage1781000000000,
  OperatorSessions1783000000000,
  UsageTotals1784000000000,
  ArchiveUpkeep1785000000000,
  AuditedTenants1786000000000,
  StoredSizes1788000000000,
  Instances1790000000000,
  Placement1790100000000,
  FurtherAddresses1790200000000,
  Replicas1790300000000,
];

const TABLES = getMetadataArgsStorage()
  .filterTables(ENTITIES)
  .flatMap(({ name }) => name ?? []);

/** Injection token of the catalog's TypeORM `DataSource`. */
export const CATALOG = Symbol.for('tenantry/CATALOG');

/** Connections of the catalog's pool. */
export const CATALOG_POOL = {
  max: 4,
  /** Kept while idle: on a server that is full of other processes' connections, their places would be taken. */
  min: 2,
} as const;
const IDLE_TIMEOUT_MS = 10_000;

/** What decides where the catalog and the shared tenants are, which rights their owner needs, and what the pool may open. */
interface CatalogPlacement {
  /** Whether an operator has made the database and login role of shared tenants. */
  readonly isProvided: boolean;
  /** The value of `CATALOG_SCHEMA`. */
  readonly schema?: string | undefined;
  /** Slots for the connections of the catalog's pool; without limit unless given. */
  readonly slots?: SlotSource | undefined;
}

/**
 * Connects to the catalog, checks its role's rights and migrates its tables.
 *
 * @throws CatalogUnavailableError, UnsupportedServerError, MissingRightsError, CatalogSchemaError
 */
export async function openCatalog(
  target: ConnectionTarget,
  options: PoolOptions,
  placement: CatalogPlacement = { isProvided: false },
): Promise<DataSource> {
  const config = { ...clientConfig(target, options), application_name: applicationName('catalog', options.instanceId) };
  const schema = await prepareSchema(target, config, placement);
  const catalog = new DataSource({
    type: 'postgres',
    entities: ENTITIES,
    migrations: CATALOG_MIGRATIONS,
    migrationsTableName: CATALOG_MIGRATIONS_TABLE,
    installExtensions: false,
    logger: new SilentTypeormLogger(),
    poolErrorHandler: () => undefined, // a broken idle connection is replaced on its next use
    database: target.database,
    schema,
    driver: catalogDriver,
    poolSize: CATALOG_POOL.max,
    extra: {
      ...withCatalogSchema(config, schema),
      min: CATALOG_POOL.min,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      slots: placement.slots,
    },
  });
  try {
    await catalog.initialize();
  } catch (error) {
    throw new CatalogUnavailableError(targetName(target), error);
  }
  try {
    await assertSearchPath(catalog, schema);
    await migrate(catalog);
    return catalog;
  } catch (error) {
    await catalog.destroy();
    throw error;
  }
}

/** The schema of an open catalog's tables. */
export function catalogSchemaOf(catalog: DataSource): string {
  const { schema } = catalog.driver;
  if (schema === undefined) throw new Error('the catalog has been opened without a schema');
  return schema;
}

/** Finds the catalog's schema, or creates it; one instance at a time. */
async function prepareSchema(
  target: ConnectionTarget,
  config: ConnectionConfig,
  { isProvided, schema: configured }: CatalogPlacement,
): Promise<string> {
  const client = new ReadWriteClient(config);
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
  } catch (error) {
    void client.end().catch(() => undefined);
    throw new CatalogUnavailableError(targetName(target), error);
  }
  try {
    await client.query('SELECT pg_advisory_lock($1)', [CATALOG_MIGRATIONS_LOCK]);
    const schema = await findCatalogSchema(client, configured);
    await assertRights(client, target, { isProvided, schema });
    await createCatalogSchema(client, schema, TABLES);
    return schema;
  } finally {
    void client.end().catch(() => undefined); // releases the lock; not awaited: a frozen server never closes it
  }
}

/** A pooler in between may drop the search path, and then statements would find the tables of another application. */
async function assertSearchPath(catalog: DataSource, schema: string): Promise<void> {
  const [{ current }] = await catalog.query<[{ current: string | null }]>('SELECT current_schema() AS current');
  if (current !== schema) throw CatalogSchemaError.ignored(schema);
}

async function migrate(catalog: DataSource): Promise<void> {
  const lock = catalog.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [CATALOG_MIGRATIONS_LOCK]);
    await catalog.runMigrations({ transaction: 'each' });
    await lock.query('SELECT pg_advisory_unlock($1)', [CATALOG_MIGRATIONS_LOCK]);
  } finally {
    await lock.release();
  }
}
