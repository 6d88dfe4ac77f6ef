import type { AppConfig } from '../../platform/config/app-config.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import type { TenantShare } from './fair-queue.js';

/** One tenant's limits in the catalog; absent ones default to the environment's. */
export interface ShareOverrides {
  readonly maxConcurrentStatements?: number | undefined;
  readonly maxQueuedStatements?: number | undefined;
}

/**
 * A tenant's limits on its target. On a shared target, the default is half of the pool, so that it takes two tenants at
 * their limits before a third one has to wait for a connection to be released.
 */
export function tenantShare(target: ConnectionTarget, { pool }: AppConfig, overrides: ShareOverrides): TenantShare {
  const poolMax = pool.size + pool.maxOverflow;
  const defaultMax = pool.tenantMaxConcurrent ?? (target.shared ? Math.ceil(poolMax / 2) : poolMax);
  return Object.freeze({
    maxConcurrent: overrides.maxConcurrentStatements ?? defaultMax,
    maxQueued: overrides.maxQueuedStatements ?? pool.tenantMaxQueued,
  });
}
