import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Tenant } from '../../catalog/model/tenant.js';
import { currentContext, runInContext } from '../../platform/context.js';
import { currentUsage, type Usage } from '../../database/statements/usage.js';
import { NoTenantContextError } from './context.errors.js';

/** The tenant of the current call, and the data source with its rows. */
export interface TenantScope {
  readonly tenant: Tenant;
  readonly dataSource: DataSource;
}

declare module '../../platform/context.js' {
  interface CallContext {
    /** The tenant of the call, with the `TenantContext` that set it: two applications in one process do not mix. */
    readonly tenant?: { readonly setBy: object; readonly scope: TenantScope };
  }
}

/** The tenant of the current asynchronous call. */
@Injectable()
export class TenantContext {
  /**
   * Runs `work`, and everything it awaits, for the scope's tenant. Scopes nest; the inner one wins while it lasts.
   *
   * @param usage counters of the database usage of `work`; by default those of the surrounding call
   */
  run<T>(scope: TenantScope, work: () => T, usage: Usage | undefined = currentUsage()): T {
    return runInContext({ usage, tenant: { setBy: this, scope }, tenantId: scope.tenant.id }, work);
  }

  /** @throws NoTenantContextError outside `run` */
  current(): TenantScope {
    const tenant = currentContext()?.tenant;
    if (tenant?.setBy !== this) throw new NoTenantContextError();
    return tenant.scope;
  }
}
