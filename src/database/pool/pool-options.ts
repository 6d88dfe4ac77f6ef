import { instanceIdOf } from '../../platform/config/instance-id.js';
import type { AppConfig } from '../../platform/config/app-config.js';
import type { ConnectionOptions } from '../connection/client-config.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import type { RoleCheckOptions } from '../connection/role-check.js';
import type { TenantShare } from './fair-queue.js';

export interface PoolOptions extends ConnectionOptions {
  /** False when pooling is off: each connection is used once. */
  readonly reuse: boolean;
  /** Connections kept open when idle. */
  readonly size: number;
  /** Maximum number of additional connections under load; closed soon after they become idle. */
  readonly maxOverflow: number;
  /** Maximum age of a connection; 0 for no limit. */
  readonly recycleSeconds: number;
  /** Time limit for acquiring a connection, queueing included. */
  readonly timeoutMs: number;
  /** A statement with a larger result is cancelled; 0 for no limit. */
  readonly maxResultBytes: number;
  /** A lease held for longer is reported. */
  readonly leaseWarningMs: number;
  /** A lease held for longer is ended; 0 for no limit. */
  readonly leaseTimeoutMs: number;
  /** A lease without any traffic for longer is ended; 0 for no limit. */
  readonly leaseIdleTimeoutMs: number;
  /** `TenantSchema.trustedFunctions`; none unless given. */
  readonly trustedFunctions?: readonly string[];
}

/** The options of a role check on a connection that was opened with these. */
export function roleCheckOptions({ connectTimeoutMs, trustedFunctions = [] }: PoolOptions): RoleCheckOptions {
  return { timeoutMs: connectTimeoutMs, trustedFunctions };
}

export function poolOptions(config: Pick<AppConfig, 'pool'>): PoolOptions {
  const { pool } = config;
  return { ...pool, reuse: pool.enabled, instanceId: instanceIdOf(config) };
}

/** One tenant's limits in the catalog; absent ones default to the environment's. */
export interface ShareOverrides {
  readonly maxConcurrentStatements?: number | undefined;
  readonly maxQueuedStatements?: number | undefined;
  /** Over all instances. */
  readonly maxConnections?: number | undefined;
}

/**
 * A tenant's limits on its target. On a shared target, the default is half of the pool, so that it takes two tenants at
 * their limits before a third one has to wait for a connection to be released.
 *
 * @param instances how many run now: a limit over all of them is divided by their number, each time that it is compared
 */
export function tenantShare(
  target: ConnectionTarget,
  { pool }: AppConfig,
  overrides: ShareOverrides,
  instances: () => number = () => 1,
): TenantShare {
  const poolMax = pool.size + pool.maxOverflow;
  const defaultMax = pool.tenantMaxConcurrent ?? (target.shared ? Math.ceil(poolMax / 2) : poolMax);
  const maxConcurrent = overrides.maxConcurrentStatements ?? defaultMax;
  const maxQueued = overrides.maxQueuedStatements ?? pool.tenantMaxQueued;
  const { maxConnections } = overrides;
  if (maxConnections === undefined) return Object.freeze({ maxConcurrent, maxQueued });
  return Object.freeze({
    get maxConcurrent() {
      return Math.min(maxConcurrent, Math.max(1, Math.floor(maxConnections / instances())));
    },
    maxQueued,
  });
}
