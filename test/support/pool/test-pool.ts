import type { AcquireRequest, ConnectionPool } from '../../../src/database/pool/connection-pool.js';
import type { CheckedOutConnection } from '../../../src/database/pool/leases.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import type { PoolOptions } from '../../../src/database/pool/pool-options.js';
import { ServerBudget } from '../../../src/database/budget/server-budget.js';
import { TargetPool, type TargetPoolDependencies } from '../../../src/database/pool/target-pool.js';
import type { Stamp } from '../../../src/database/statements/stamps/stamp.js';
import { TenantAccess } from '../../../src/database/statements/tenant-access.js';

const PLENTY = { maxConcurrent: 1_000, maxQueued: 10_000 };

export const POOL_OPTIONS: PoolOptions = {
  reuse: true,
  instanceId: '00000000',
  size: 2,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 20_000,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
  maxResultBytes: 0,
  leaseWarningMs: 60_000,
  leaseTimeoutMs: 0,
  leaseIdleTimeoutMs: 0,
};

/** A pool on its own, without limits per tenant or server unless a test sets some. */
export class TestPool extends TargetPool {
  constructor(
    target: ConnectionTarget,
    options: Partial<PoolOptions> = {},
    more: Partial<Omit<TargetPoolDependencies, 'target' | 'options'>> = {},
  ) {
    super({ target, options: { ...POOL_OPTIONS, ...options }, budget: new ServerBudget(1_000), ...more });
  }

  override acquire(request: Partial<AcquireRequest> = {}): Promise<CheckedOutConnection> {
    return super.acquire({ tenantId: 'any-tenant', share: PLENTY, hold: 'statement', ...request });
  }
}

export function accessTo(pool: ConnectionPool, stamp: Stamp, mayExplain = false): TenantAccess {
  return new TenantAccess(pool, stamp, PLENTY, mayExplain);
}
