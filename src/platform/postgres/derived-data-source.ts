import type { DataSource } from 'typeorm';
import { dataSourceProperty } from './typeorm-versions.js';

/** TypeORM queries these when it connects. They hold for every supported PostgreSQL, of which 15 is the oldest. */
const QUERIED_PROPERTIES = { version: '15.0', isGeneratedColumnsSupported: true };

/** Where a derived data source sends its statements. */
interface Destination {
  /** Stands in for TypeORM's `pg.Pool`. */
  readonly pool: object;
  readonly database: string;
  readonly schema: string;
}

/** Prepares a data source that is never connected for others to be derived from. */
export function prepareTemplate(template: DataSource): void {
  Object.assign(template.driver, QUERIED_PROPERTIES);
}

/**
 * A data source that inherits everything from a template, above all the entity metadata, and owns only its driver. It
 * takes a few hundred bytes, instead of a driver with a pool and the four queries that TypeORM sends when it connects.
 */
export function deriveDataSource(template: DataSource, { pool, database, schema }: Destination): DataSource {
  const dataSource = Object.create(template) as DataSource;
  const driver = Object.create(template.driver) as DataSource['driver'];
  Object.assign(driver, {
    ...dataSourceProperty(template.driver, dataSource),
    master: pool,
    connectedQueryRunners: [],
    database,
    schema,
    searchSchema: schema,
  });
  return Object.assign(dataSource, { driver, isInitialized: true });
}
