import type { INestApplicationContext } from '@nestjs/common';
import { resolveInjectable } from '../platform/injectable-copies.js';
import { TenantConnectionService } from '../tenant/context/tenant-connection.service.js';
import { TenantContext } from '../tenant/context/tenant-context.js';

/** The caller within the work. */
export interface WithTenantOptions {
  /** What `TenantContext.current().principal` is within the work; undefined otherwise. */
  readonly principal?: unknown;
}

/**
 * Runs `work`, and everything it awaits, in a tenant's context: for tests of services. Statements pass the pool, the login
 * role and the policies that requests pass.
 *
 * @param app the application, a testing module, or any other context of Nest that imports `TenantryModule`
 * @throws UnknownTenantError, TenantSuspendedError, TenantUnavailableError
 */
export function withTenant<T>(
  app: Pick<INestApplicationContext, 'get'>,
  slug: string,
  work: () => T | Promise<T>,
  { principal }: WithTenantOptions = {},
): Promise<T> {
  const connections = resolveInjectable(app, TenantConnectionService);
  const context = resolveInjectable(app, TenantContext);
  return connections.run(slug, async () => context.run(context.current(), work, { principal }));
}
