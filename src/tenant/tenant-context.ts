import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { Tenant } from '../catalog/tenant.js';
import { NoTenantContextError } from './tenant.errors.js';

/** Who the current call works for, and where that tenant's rows are. */
export interface TenantScope {
  readonly tenant: Tenant;
  readonly dataSource: DataSource;
}

/** The tenant of the current asynchronous call. */
@Injectable()
export class TenantContext {
  private readonly storage = new AsyncLocalStorage<TenantScope>();

  /** Runs `work`, and everything it awaits, for the scope's tenant. Scopes nest; the inner one wins while it lasts. */
  run<T>(scope: TenantScope, work: () => T): T {
    return this.storage.run(scope, work);
  }

  /** @throws NoTenantContextError outside `run` */
  current(): TenantScope {
    const scope = this.storage.getStore();
    if (!scope) throw new NoTenantContextError();
    return scope;
  }
}
