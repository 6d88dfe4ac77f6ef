import type {
  DataSource,
  EntityManager,
  EntitySubscriberInterface,
  EntityTarget,
  MigrationInterface,
  ObjectLiteral,
} from 'typeorm';
import type { ColumnMasks } from './column-masks.js';
import type { FeatureDefaults, SettingSchemas } from './setting-schemas.js';
import type { TenantHooksClass } from './tenant-hooks-class.js';
import type { TypeormOptions } from './typeorm-options.js';

/** What a violated constraint means to the caller. */
export interface ConstraintMessage {
  /** The response's `detail` when values are taken, or when other rows refer to the one that should go: status 409. */
  readonly conflict?: string;
  /** What is wrong with the named columns when they refer to nothing, or break a rule: status 400. */
  readonly invalid?: string;
}

/** Name of a constraint -> what its violation means; a text alone is used for both. */
export type ConstraintMessages = Readonly<Record<string, string | ConstraintMessage>>;

/** A tenant that receives its first rows. */
export interface SeededTenant {
  readonly id: string;
  readonly slug: string;
  readonly isolation: 'row' | 'schema' | 'database';
}

/** What a domain module supplies: its entities, the migrations of their tables, and TypeORM event subscribers. */
export interface TenantSchema {
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  /**
   * Entities of the tables that `createReferenceTable` makes: every tenant reads them, and may keep them for other tenants.
   * Writing one fails with `TABLE_READ_ONLY`.
   */
  readonly referenceEntities?: readonly EntityTarget<ObjectLiteral>[];
  readonly migrations: readonly (new () => MigrationInterface)[];
  /** Entities of the central tables: a tenant's data source has none of them, and refuses them by name. */
  readonly centralEntities?: readonly EntityTarget<ObjectLiteral>[];
  readonly subscribers?: readonly (new () => EntitySubscriberInterface)[];
  /** Options of TypeORM for all tenants' data sources. */
  readonly typeorm?: TypeormOptions;
  /**
   * Name of the last migration that this code cannot do without: tenants that lack it, or one before it, are not served
   * until they have it. Default: the newest of `migrations`.
   */
  readonly requiredVersion?: string;
  /** Names of the migrations that all domains' `requiredVersion` add up to. Default: those up to `requiredVersion`. */
  readonly requiredMigrations?: readonly string[];
  /**
   * SECURITY DEFINER functions that login roles may execute, although their owner bypasses row-level security: what an
   * extension brings and you trust. `schema.name` for all functions of that name, or `schema.name(type,type)` as
   * `oid::regprocedure` prints it with its schema. A target is not served while its login role may execute another one.
   */
  readonly trustedFunctions?: readonly string[];
  /** Messages of violated constraints in place of general ones: `{ notes_title_key: 'this title is taken' }`. */
  readonly constraints?: ConstraintMessages;
  /**
   * The first rows of every new tenant. Runs once for each, before it is served, with the manager of one transaction that the
   * seeds of all domains share: all of their rows are there, or none. An error fails the provisioning, which can be retried.
   */
  readonly seed?: (manager: EntityManager, tenant: SeededTenant) => Promise<void>;
  /**
   * What takes the place of values in a masked clone (`tenants clone --masked`). Columns of keys and foreign keys, generated ones
   * and `tenant_id` cannot be masked.
   */
  readonly masks?: ColumnMasks;
  /** The application's classes with hooks of a tenant's life; found among its providers. */
  readonly hooks?: readonly TenantHooksClass[];
  /** What operators may set for each tenant and plan, by key. `TenantContext.current().settings` has the values. */
  readonly settings?: SettingSchemas;
  /** Feature flags, by name, and whether they are on where neither environment, plan nor tenant decides. */
  readonly featureFlags?: FeatureDefaults;
  /** Fills a demo tenant with a few rows. Runs once per demo tenant, with that tenant's own data source. */
  readonly seedDemo?: (dataSource: DataSource) => Promise<void>;
}

/** Injection token of the application's `TenantSchema`. */
export const TENANT_SCHEMA = Symbol.for('tenantry/TENANT_SCHEMA');
