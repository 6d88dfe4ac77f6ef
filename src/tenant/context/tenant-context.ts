import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Tenant } from '../../catalog/model/tenant.js';
import { currentWork, runWork } from '../../platform/context.js';
import { currentUsage, type Usage } from '../../database/statements/usage.js';
import { NoTenantContextError } from '../admission/tenant.errors.js';

/** Who the current call works for, and where that tenant's rows are. */
export interface TenantScope {
  readonly tenant: Tenant;
  readonly dataSource: DataSource;
}

/** The tenant of the current asynchronous call. */
@Injectable()
export class TenantContext {
  /**
   * Runs `work`, and everything it awaits, for the scope's tenant. Scopes nest; the inner one wins while it lasts.
   *
   * @param usage where to count what it asks of the database: where the work around it is counted, unless given
   */
  run<T>(scope: TenantScope, work: () => T, usage: Usage | undefined = currentUsage()): T {
    return runWork({ usage, owner: this, scope }, work);
  }

  /** @throws NoTenantContextError outside `run` */
  current(): TenantScope {
    const work = currentWork();
    if (work?.owner !== this) throw new NoTenantContextError();
    return work.scope as TenantScope;
  }
}
