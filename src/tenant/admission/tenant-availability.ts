import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { MigrationSets } from '../../catalog/tenant-tables/migration-sets.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { NO_MIGRATION } from '../../database/table-migrations/versions/migration-names.js';
import {
  digestOf,
  missingFrom,
  newestOf,
  requiredMigrations,
} from '../../database/table-migrations/versions/migration-set.js';
import { isBehind } from '../../database/table-migrations/versions/migration-version.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { TenantSuspendedError, TenantTablesBehindError, TenantUnavailableError } from './admission.errors.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/** Decides which tenants this instance serves: active ones whose tables have the migrations that its code requires. */
@Injectable()
export class TenantAvailability implements OnModuleInit {
  private readonly logger = new Logger(TenantAvailability.name);
  private readonly required: readonly string[];
  private readonly newestRequired: string;
  /** Whether tables with a set of migrations, by its digest, lack a required one. */
  private readonly isSetBehind = new Map<string, boolean>();
  private readonly loading = new Map<string, Promise<void>>();

  constructor(
    @Inject(TENANT_SCHEMA) schema: TenantSchema,
    @Inject(MigrationSets) private readonly sets: Pick<MigrationSets, 'all' | 'find'>,
  ) {
    this.required = requiredMigrations(schema);
    this.newestRequired = newestOf(this.required) ?? NO_MIGRATION;
    this.isSetBehind.set(digestOf(this.required), false);
  }

  /** So that the first requests of tenants find what is known of their set. */
  async onModuleInit(): Promise<void> {
    for (const [digest, names] of await this.sets.all()) this.compare(digest, names);
  }

  /** @throws TenantSuspendedError, TenantUnavailableError unless the tenant is currently served */
  assertServed(tenant: Tenant): void {
    const rejection = this.rejectionOf(tenant);
    if (rejection) throw rejection;
  }

  /** The reason why the tenant is not served; undefined when it is. */
  rejectionOf(tenant: Tenant): TenantSuspendedError | TenantUnavailableError | undefined {
    switch (tenant.status) {
      case 'active':
        return this.isBehind(tenant) ? new TenantTablesBehindError() : undefined;
      case 'suspended':
        return new TenantSuspendedError();
      case 'maintenance':
        return new TenantUnavailableError(tenant.message ?? 'this tenant is under maintenance');
      case 'provisioning':
      case 'moving':
      case 'deleting':
      case 'failed':
        return new TenantUnavailableError(`this tenant is not available: ${tenant.status}`);
    }
  }

  /**
   * Migrations that the code does not know are fine: they must keep the previous code working. Where the set is not known,
   * or not known yet, the newest migration decides.
   */
  private isBehind({ migrationSet, schemaVersion }: Tenant): boolean {
    if (migrationSet !== null) {
      const isKnownBehind = this.isSetBehind.get(migrationSet);
      if (isKnownBehind !== undefined) return isKnownBehind;
      void this.load(migrationSet);
    }
    return isBehind(schemaVersion, this.newestRequired);
  }

  /** Reads the tenant's set of migrations where it is not known yet. Where it cannot be read, it stays unknown. */
  async learnSet({ migrationSet }: Tenant): Promise<void> {
    if (migrationSet !== null && !this.isSetBehind.has(migrationSet)) await this.load(migrationSet);
  }

  /** A set that has come into the catalog since the start: newer code migrates, or has migrated, tenants. */
  private load(digest: string): Promise<void> {
    const loading = this.loading.get(digest) ?? this.read(digest).finally(() => this.loading.delete(digest));
    this.loading.set(digest, loading);
    return loading;
  }

  private async read(digest: string): Promise<void> {
    try {
      const names = await this.sets.find(digest);
      if (names) this.compare(digest, names);
    } catch (error) {
      this.logger.debug(`Cannot read set ${digest} of migrations: ${reasonOf(error)}`);
    }
  }

  private compare(digest: string, names: readonly string[]): void {
    this.isSetBehind.set(digest, missingFrom(names, this.required).length > 0);
  }
}
