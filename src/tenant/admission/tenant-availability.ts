import { Inject, Injectable } from '@nestjs/common';
import type { Tenant } from '../../catalog/model/tenant.js';
import { newestMigration } from '../../database/table-migrations/migration-names.js';
import { isBehind } from '../../database/table-migrations/migration-version.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { TenantSuspendedError, TenantTablesBehindError, TenantUnavailableError } from './admission.errors.js';

/** Decides which tenants this instance serves: active ones whose tables are at least as new as its code requires. */
@Injectable()
export class TenantAvailability {
  private readonly requiredVersion: string;

  constructor(@Inject(TENANT_SCHEMA) { requiredVersion, migrations }: TenantSchema) {
    this.requiredVersion = requiredVersion ?? newestMigration(migrations);
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

  /** Tables newer than the code are fine: migrations must keep the previous code working. */
  private isBehind({ schemaVersion }: Tenant): boolean {
    if (schemaVersion === this.requiredVersion) return false; // the usual case, without parsing names
    return isBehind(schemaVersion, this.requiredVersion);
  }
}
