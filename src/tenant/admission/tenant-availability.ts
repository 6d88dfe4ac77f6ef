import { Inject, Injectable } from '@nestjs/common';
import type { Tenant } from '../../catalog/model/tenant.js';
import { newestMigration } from '../../database/table-migrations/migration-names.js';
import { isBehind } from '../../database/table-migrations/migration-version.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { TenantSuspendedError, TenantTablesBehindError, TenantUnavailableError } from './admission.errors.js';

/** Which tenants this instance serves: active ones whose tables are as new as its code needs them. */
@Injectable()
export class TenantAvailability {
  private readonly requiredVersion: string;

  constructor(@Inject(TENANT_SCHEMA) { requiredVersion, migrations }: TenantSchema) {
    this.requiredVersion = requiredVersion ?? newestMigration(migrations);
  }

  /** @throws TenantSuspendedError, TenantUnavailableError unless the tenant is served at the moment */
  assertServed(tenant: Tenant): void {
    const refusal = this.rejectionOf(tenant);
    if (refusal) throw refusal;
  }

  /** Why the tenant is not served at the moment; undefined when it is. */
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
        return new TenantUnavailableError(`this tenant is not served: ${tenant.status}`);
    }
  }

  /** Tables that are newer than the code are served: migrations are written so that the code before them goes on to work. */
  private isBehind({ schemaVersion }: Tenant): boolean {
    if (schemaVersion === this.requiredVersion) return false; // the usual case, for which no name is taken apart
    return isBehind(schemaVersion, this.requiredVersion);
  }
}
