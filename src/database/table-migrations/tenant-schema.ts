import type { DataSource, EntitySubscriberInterface, EntityTarget, MigrationInterface, ObjectLiteral } from 'typeorm';

/** What a domain module brings: its entities, the migrations of their tables, and what TypeORM calls on their events. */
export interface TenantSchema {
  readonly entities: readonly EntityTarget<ObjectLiteral>[];
  readonly migrations: readonly (new () => MigrationInterface)[];
  readonly subscribers?: readonly (new () => EntitySubscriberInterface)[];
  /**
   * Name of the oldest migration whose tables this code works with: tenants that lack it are not served until they have
   * it. Default: the newest of `migrations`.
   */
  readonly requiredVersion?: string;
  /** Fills a demo tenant with a few rows; runs once per demo tenant, with that tenant's own data source. */
  readonly seedDemo?: (dataSource: DataSource) => Promise<void>;
}

/** Injection token of the `TenantSchema` that the application was composed with. */
export const TENANT_SCHEMA = Symbol('TENANT_SCHEMA');
