import { DataSource } from 'typeorm';
import { SilentTypeormLogger } from '../platform/postgres/silent-typeorm-logger.js';
import { targetName } from '../database/connection/connection-target.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { clientConfig, type PoolOptions } from '../database/pool/pool-options.js';
import { CatalogUnavailableError, MissingRightsError, UnsupportedServerError } from './catalog.errors.js';
import { ApiKeyEntity } from './entities/api-key.entity.js';
import { AuditEntryEntity } from './entities/audit-entry.entity.js';
import { ConnectionTargetEntity } from './entities/connection-target.entity.js';
import { IdempotencyKeyEntity } from './entities/idempotency-key.entity.js';
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

const ENTITIES = [
  ServerEntity,
  ConnectionTargetEntity,
  TenantEntity,
  ApiKeyEntity,
  TenantDomainEntity,
  OperationEntity,
  OperationTenantEntity,
  AuditEntryEntity,
  IdempotencyKeyEntity,
];
/** In the order in which they run. */
export const CATALOG_MIGRATIONS = [
  CreateCatalog1764000000000,
  ControlPlane1765000000000,
  SignedStamps1766000000000,
  AuditOrigin1767000000000,
  Erasure1768000000000,
  ProvidedTargets1769000000000,
];

/** Injection token of the catalog's TypeORM `DataSource`. */
export const CATALOG = Symbol.for('tenantry/CATALOG');

const POOL_SIZE = 4;
const MIN_VERSION_NUM = 150_000;

/** Serializes the migrations of instances that start at the same time. The number is arbitrary. */
const MIGRATION_LOCK = 7_242_001;

/**
 * Connects to the catalog, checks its role's rights and migrates its tables.
 *
 * @param placement whether an operator has made the database and login role of shared tenants
 * @throws CatalogUnavailableError, UnsupportedServerError, MissingRightsError
 */
export async function openCatalog(
  target: ConnectionTarget,
  options: PoolOptions,
  placement: { readonly isProvided: boolean } = { isProvided: false },
): Promise<DataSource> {
  const catalog = new DataSource({
    type: 'postgres',
    entities: ENTITIES,
    migrations: CATALOG_MIGRATIONS,
    migrationsTableName: 'catalog_migrations',
    installExtensions: false,
    logger: new SilentTypeormLogger(),
    poolErrorHandler: () => undefined, // a broken idle connection is replaced on its next use
    database: target.database,
    poolSize: POOL_SIZE,
    extra: { ...clientConfig(target, options), application_name: 'tenantry catalog' },
  });
  try {
    await catalog.initialize();
  } catch (error) {
    throw new CatalogUnavailableError(targetName(target), error);
  }
  try {
    await assertRights(catalog, target, placement);
    await migrate(catalog);
    return catalog;
  } catch (error) {
    await catalog.destroy();
    throw error;
  }
}

interface Rights {
  readonly version: string;
  readonly version_num: number;
  readonly may_create_databases: boolean;
  readonly may_create_roles: boolean;
  readonly may_create_tables: boolean;
}

const RIGHTS = `
  SELECT current_setting('server_version') AS version,
         current_setting('server_version_num')::int AS version_num,
         rolsuper OR rolcreatedb AS may_create_databases,
         rolsuper OR rolcreaterole AS may_create_roles,
         has_schema_privilege(current_schema(), 'CREATE') AS may_create_tables
  FROM pg_roles WHERE rolname = current_user`;

async function assertRights(
  catalog: DataSource,
  target: ConnectionTarget,
  { isProvided }: { readonly isProvided: boolean },
): Promise<void> {
  const [rights] = await catalog.query<Rights[]>(RIGHTS);
  if (!rights) throw new MissingRightsError(target.role, ['all rights: it is not in pg_roles']);
  if (rights.version_num < MIN_VERSION_NUM) throw new UnsupportedServerError(rights.version);
  const missing = [
    ...(rights.may_create_databases || isProvided ? [] : ['CREATEDB']),
    ...(rights.may_create_roles || isProvided ? [] : ['CREATEROLE']),
    ...(rights.may_create_tables ? [] : [`CREATE in the schema for the catalog (database "${target.database}")`]),
  ];
  if (missing.length > 0) throw new MissingRightsError(target.role, missing);
}

async function migrate(catalog: DataSource): Promise<void> {
  const lock = catalog.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await catalog.runMigrations({ transaction: 'each' });
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  } finally {
    await lock.release();
  }
}
