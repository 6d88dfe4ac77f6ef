import type { AppConfig } from '../../platform/config/app-config.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import type { TenantShare } from './fair-queue.js';

/** What the catalog says of one tenant; what is absent comes from the environment. */
export interface ShareOverrides {
  readonly maxConcurrentStatements?: number | undefined;
  readonly maxQueuedStatements?: number | undefined;
}

/**
 * How much of its target a tenant may take. Of a shared one half, so that two tenants at their limits are needed before
 * a third one has to wait for somebody to finish.
 */
export function tenantShare(target: ConnectionTarget, { pool }: AppConfig, overrides: ShareOverrides): TenantShare {
  const most = pool.size + pool.maxOverflow;
  const usual = pool.tenantMaxConcurrent ?? (target.shared ? Math.ceil(most / 2) : most);
  return Object.freeze({
    maxConcurrent: overrides.maxConcurrentStatements ?? usual,
    maxQueued: overrides.maxQueuedStatements ?? pool.tenantMaxQueued,
  });
}
