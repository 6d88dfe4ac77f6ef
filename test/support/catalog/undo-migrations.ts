import type { DataSource, MigrationInterface } from 'typeorm';
import { CATALOG_MIGRATIONS } from '../../../src/catalog/catalog-data-source.js';

/** Undoes a migration of the catalog's tables and all that came later, as if an instance of the release before it were at work. */
export async function undoMigrationsFrom(catalog: DataSource, first: new () => MigrationInterface): Promise<void> {
  const count = CATALOG_MIGRATIONS.length - CATALOG_MIGRATIONS.indexOf(first as (typeof CATALOG_MIGRATIONS)[number]);
  for (let n = 0; n < count; n += 1) await catalog.undoLastMigration();
}
