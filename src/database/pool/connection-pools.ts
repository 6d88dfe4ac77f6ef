import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { type Admission, ADMIT_ALL, type Rejection } from './admission.js';
import { targetName } from '../connection/connection-target.js';
import {
  type ConnectionTarget,
  sameConnections,
  sessionTarget,
  sessionTargetId,
  targetIdOf,
} from '../connection/connection-target.js';
import type { HeldLease } from './lease-register.js';
import { PoolEndedError } from './pool.errors.js';
import { PoolHandle } from './pool-handle.js';
import { type PoolOptions, poolOptions } from './pool-options.js';
import type { PoolSnapshot, ServerSnapshot } from './pool-snapshot.js';
import { serverLimit } from '../budget/server-limit.js';
import { ServerBudget } from '../budget/server-budget.js';
import { TargetPool } from './target-pool.js';

/** Every pool of this process: one per connection target, within one budget per server. */
@Injectable()
export class ConnectionPools {
  /** Whether tenants may use connections; set by the module that knows their status. */
  admission: Admission = ADMIT_ALL;
  private readonly logger = new Logger(ConnectionPools.name);
  private readonly handles = new Map<string, PoolHandle>();
  private readonly budgets = new Map<string, ServerBudget>();
  private readonly draining = new Set<TargetPool>();
  private readonly options: PoolOptions;
  private closed = false;

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {
    this.options = poolOptions(config);
    if (!this.options.reuse) this.logger.log('Connection pooling is off: every statement opens a direct connection');
  }

  /**
   * The target's pool. A newer version of the target gets a new one at once; the old one ends with its last lease.
   *
   * @throws PoolEndedError after `close`
   */
  get(target: ConnectionTarget): PoolHandle {
    if (this.closed) throw new PoolEndedError(targetName(target));
    const known = this.handles.get(target.id);
    if (known?.target.version === target.version) return known;
    if (known && sameConnections(known.target, target)) {
      this.budgetOf(target); // its limit may be what changed
      return known;
    }
    const pool = this.create(target);
    if (known) {
      this.drain(known.replace(pool), pool);
      return known;
    }
    const handle = new PoolHandle(pool, this.options, this);
    this.handles.set(target.id, handle);
    return handle;
  }

  /** The targets that there are pools of, whichever way they lead there. */
  targetIds(): ReadonlySet<string> {
    return new Set([...this.handles.keys()].map(targetIdOf));
  }

  /** Replaces what pools there are of the target by newer ones, without waiting for somebody to ask for one. */
  refresh(target: ConnectionTarget): void {
    for (const way of [target, sessionTarget(target)]) if (!this.closed && this.handles.has(way.id)) this.get(way);
  }

  /** A target is gone: its pools end with their last leases. */
  forget(targetId: string): void {
    for (const id of [targetId, sessionTargetId(targetId)]) {
      const handle = this.handles.get(id);
      this.handles.delete(id);
      if (handle) this.drain(handle.pool);
    }
  }

  snapshot(): { readonly pools: readonly PoolSnapshot[]; readonly servers: readonly ServerSnapshot[] } {
    return {
      pools: [...this.handles.values()].map((handle) => handle.pool.snapshot()),
      servers: [...this.budgets].map(([server, { limit, open, waiting }]) => ({ server, limit, open, waiting })),
    };
  }

  /** Drains every pool; leases that are not given back by the deadline are cut, and said which. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    for (const { pool } of this.handles.values()) this.drain(pool);
    this.handles.clear();
    const emptied = Promise.all([...this.draining].map((pool) => pool.end()));
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), deadlineMs);
    });
    const outcome = await Promise.race([emptied, deadline]);
    clearTimeout(timer);
    if (outcome === 'late') this.destroyRemaining();
    await emptied;
    this.admission.close(); // not earlier: until then a suspended tenant is cut before the deadline
  }

  tenantsInUse(): Set<string> {
    const found = new Set<string>();
    for (const pool of this.allPools()) for (const tenantId of pool.tenantsInUse()) found.add(tenantId);
    for (const handle of this.handles.values()) for (const tenantId of handle.tenantsOfFallback()) found.add(tenantId);
    return found;
  }

  rejectWaiting(tenantId: string, refusal: Rejection): void {
    for (const pool of this.allPools()) pool.rejectWaiting(tenantId, refusal);
  }

  revoke(tenantId: string, refusal: Rejection): void {
    let count = 0;
    for (const pool of this.allPools()) count += pool.revoke(tenantId, refusal);
    for (const handle of this.handles.values()) count += handle.revokeFromFallback(tenantId, refusal);
    if (count > 0) this.logger.log(`Took ${count} connections from tenant ${tenantId}, which is not served any more`);
  }

  private allPools(): Set<TargetPool> {
    return new Set([...this.draining, ...Array.from(this.handles.values(), ({ pool }) => pool)]);
  }

  private destroyRemaining(): void {
    for (const pool of this.draining) {
      for (const lease of pool.destroyAll()) this.logger.warn(`Cut ${describe(lease, pool.target)}`);
    }
  }

  private create(target: ConnectionTarget): TargetPool {
    const onOverdue = (lease: HeldLease): void => this.logger.warn(`Held for long: ${describe(lease, target)}`);
    const pool = new TargetPool({ target, options: this.options, budget: this.budgetOf(target), onOverdue });
    const { size, maxOverflow, reuse } = this.options;
    if (reuse) this.logger.log(`Connection pool ready: ${targetName(target)} (size ${size}, overflow ${maxOverflow})`);
    return pool;
  }

  private budgetOf({ server }: ConnectionTarget): ServerBudget {
    const limit = serverLimit(server, this.config);
    let budget = this.budgets.get(server.id);
    if (!budget) this.budgets.set(server.id, (budget = new ServerBudget(limit)));
    budget.limit = limit;
    return budget;
  }

  private drain(pool: TargetPool, successor?: TargetPool): void {
    this.draining.add(pool);
    void pool.end(successor).then(() => this.draining.delete(pool));
  }
}

function describe({ tenantId, since, site }: HeldLease, target: ConnectionTarget): string {
  const heldMs = Math.round(performance.now() - since);
  return `a lease of tenant ${tenantId} on ${targetName(target)}, held for ${heldMs} ms, taken at\n${site.stack}`;
}
