import type { ModulesContainer } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { type CentralFeature, type CentralTables } from '../central/central-tables.js';
import { refuseMixedTables } from '../central/refuse-mixed-tables.js';
import {
  byTimestamp,
  type Migration,
  migrationName,
  newestMigration,
} from '../database/table-migrations/versions/migration-names.js';
import { migrationsUpTo, sortedNames } from '../database/table-migrations/versions/migration-set.js';
import type { ColumnMask, ColumnMasks } from '../database/table-migrations/tenant-schema/column-masks.js';
import type { ConstraintMessages, TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { hooksOf } from '../admin/tenant-hooks/on-tenant.decorator.js';
import { checkedFeatureFlags, checkedSettings } from '../tenant/settings/declared-settings.js';
import { DuplicateMaskError, DuplicateMigrationError } from './tenantry.errors.js';

/** What a domain of the application adds to the tables of every tenant. */
export type TenantFeature = Omit<Partial<TenantSchema>, 'typeorm' | 'requiredMigrations' | 'hooks' | 'centralEntities'>;

/** The same for the root module, whose options of TypeORM are those of all tenants' data sources. */
export type RegisteredFeature = Omit<Partial<TenantSchema>, 'requiredMigrations' | 'hooks' | 'centralEntities'>;

/** Under which the root module and each module made by `forFeature` provide their feature. */
export const TENANT_FEATURE = Symbol.for('tenantry/feature');

/** Under which each module made by `forCentral` provides its feature. */
export const CENTRAL_FEATURE = Symbol.for('tenantry/central-feature');

/**
 * The schema of tenants that an application's modules add up to, whether their providers are instantiated or not: their
 * features, and the hooks among their providers.
 *
 * @throws MixedTablesError, and as `schemaOf` and `hooksOf` do
 */
export function tenantSchemaOf(modules: ModulesContainer): TenantSchema {
  const features = provided<RegisteredFeature>(modules, TENANT_FEATURE);
  const schema = { ...schemaOf(features), hooks: hooksOf(modules) };
  const central = centralTablesOf(modules);
  if (!central) return schema;
  refuseMixedTables({ ...schema, entities: [...schema.entities, ...(schema.referenceEntities ?? [])] }, central);
  return { ...schema, centralEntities: central.entities };
}

/** The central tables of all `forCentral`; null when there is none. @throws DuplicateMigrationError */
export function centralTablesOf(modules: ModulesContainer): CentralTables | null {
  const features = provided<CentralFeature>(modules, CENTRAL_FEATURE);
  if (features.length === 0) return null;
  return {
    entities: unique(features.map(({ entities }) => entities)),
    migrations: orderedMigrations(features),
    subscribers: unique(features.map(({ subscribers }) => subscribers)),
    seedDemo: async (central, tenants) => {
      for (const { seedDemo } of features) await seedDemo?.(central, tenants);
    },
  };
}

function provided<Feature>(modules: ModulesContainer, token: symbol): Feature[] {
  return [...modules.values()].flatMap(({ providers }) => {
    const feature: unknown = providers.get(token)?.instance;
    return feature === undefined ? [] : [feature as Feature];
  });
}

/**
 * One schema of all features.
 *
 * @throws DuplicateMigrationError, DuplicateMaskError, InvalidSettingError
 */
export function schemaOf(features: readonly RegisteredFeature[]): TenantSchema {
  const requiredVersion = requiredVersionOf(features);
  const typeorm = features.find((feature) => feature.typeorm)?.typeorm;
  return {
    entities: unique(features.map(({ entities }) => entities)),
    referenceEntities: unique(features.map(({ referenceEntities }) => referenceEntities)),
    migrations: orderedMigrations(features),
    subscribers: unique(features.map(({ subscribers }) => subscribers)),
    trustedFunctions: unique(features.map(({ trustedFunctions }) => trustedFunctions)),
    constraints: Object.assign({}, ...features.map(({ constraints }) => constraints)) as ConstraintMessages,
    masks: masksOf(features),
    settings: checkedSettings(features.map(({ settings }) => settings)),
    featureFlags: checkedFeatureFlags(features.map(({ featureFlags }) => featureFlags)),
    ...(requiredVersion !== undefined && { requiredVersion, requiredMigrations: requiredMigrationsOf(features) }),
    ...(typeorm && { typeorm }),
    ...(features.some(({ seed }) => seed) && { seed: seedOf(features) }),
    seedDemo: async (dataSource: DataSource) => {
      for (const { seedDemo } of features) await seedDemo?.(dataSource);
    },
  };
}

function seedOf(features: readonly RegisteredFeature[]): NonNullable<TenantSchema['seed']> {
  return async (manager, tenant) => {
    for (const { seed } of features) await seed?.(manager, tenant);
  };
}

/** @throws DuplicateMaskError */
function masksOf(features: readonly RegisteredFeature[]): ColumnMasks {
  const masks: Record<string, Record<string, ColumnMask>> = {};
  for (const [table, columns] of features.flatMap((feature) => Object.entries(feature.masks ?? {}))) {
    const known = (masks[table] ??= {});
    for (const [column, mask] of Object.entries(columns)) {
      if (Object.hasOwn(known, column)) throw new DuplicateMaskError(table, column);
      known[column] = mask;
    }
  }
  return masks;
}

function orderedMigrations(features: readonly Pick<RegisteredFeature, 'migrations'>[]): Migration[] {
  const byName = new Map<string, Migration>();
  for (const migration of unique(features.map(({ migrations }) => migrations))) {
    const name = migrationName(migration);
    if (byName.has(name)) throw new DuplicateMigrationError(name);
    byName.set(name, migration);
  }
  return [...byName].toSorted(([a], [b]) => byTimestamp(a, b)).map(([, migration]) => migration);
}

/** The newest that any feature requires; undefined when no feature sets one, which means the newest migration of all. */
function requiredVersionOf(features: readonly RegisteredFeature[]): string | undefined {
  if (features.every(({ requiredVersion }) => requiredVersion === undefined)) return undefined;
  const versions = features.map(
    ({ requiredVersion, migrations = [] }) => requiredVersion ?? newestMigration(migrations),
  );
  return versions.toSorted(byTimestamp).at(-1);
}

/** Each feature's own: one that works without its newest migration does not have to wait for it because of another's. */
function requiredMigrationsOf(features: readonly RegisteredFeature[]): string[] {
  const names = features.flatMap(({ requiredVersion, migrations = [] }) => migrationsUpTo(requiredVersion, migrations));
  return sortedNames(names).toSorted(byTimestamp);
}

function unique<T>(lists: readonly (readonly T[] | undefined)[]): T[] {
  return [...new Set(lists.flatMap((list) => list ?? []))];
}
