import type { EntitySubscriberInterface, EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';

/** What a domain of the application adds to the central tables: those of the whole product, which belong to no tenant. */
export interface CentralFeature {
  readonly entities?: readonly EntityTarget<ObjectLiteral>[];
  /** Migrations of their tables, which run when the application starts, in the order of their timestamps. */
  readonly migrations?: readonly (new () => MigrationInterface)[];
  readonly subscribers?: readonly (new () => EntitySubscriberInterface)[];
}

/** The central tables of all domains. */
export type CentralTables = Required<CentralFeature>;

/** Injection token of the application's `CentralTables`; null when no domain has any. */
export const CENTRAL_TABLES = Symbol.for('tenantry/CENTRAL_TABLES');
