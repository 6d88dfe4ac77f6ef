import type { DataSource, EntitySubscriberInterface, EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';
import type { Tenant } from '../catalog/model/tenant.js';

/** What a domain of the application adds to the central tables: those of the whole product, which belong to no tenant. */
export interface CentralFeature {
  readonly entities?: readonly EntityTarget<ObjectLiteral>[];
  /** Migrations of their tables, which run when the application starts, in the order of their timestamps. */
  readonly migrations?: readonly (new () => MigrationInterface)[];
  readonly subscribers?: readonly (new () => EntitySubscriberInterface)[];
  /** Fills the tables with a few rows where there are demo tenants, which it receives. Runs at every start, with those. */
  readonly seedDemo?: (central: DataSource, tenants: readonly Tenant[]) => Promise<void>;
}

/** The central tables of all domains. */
export type CentralTables = Required<CentralFeature>;

/** Injection token of the application's `CentralTables`; null when no domain has any. */
export const CENTRAL_TABLES = Symbol.for('tenantry/CENTRAL_TABLES');
