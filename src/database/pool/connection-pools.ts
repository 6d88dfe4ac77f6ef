import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { type Admission, ADMIT_ALL, isTenants, type Rejection } from './connection-pool.js';
import {
  type ConnectionTarget,
  sameConnections,
  replicaTarget,
  sessionTarget,
  sessionTargetId,
  baseTargetId,
  targetName,
} from '../connection/connection-target.js';
import { type ConnectionLimit, describeLimit } from '../connection/connection-failure.js';
import { TRUSTED_FUNCTIONS } from '../connection/exposing-objects.js';
import type { HeldLease } from './leases.js';
import { type LeaseExpiredError, PoolEndedError } from './pool.errors.js';
import { endsWithin } from '../../platform/timeout.js';
import { PoolHandle } from './pool-handle.js';
import { type PoolOptions, poolOptions } from './pool-options.js';
import type { PoolSnapshot, ServerSnapshot } from './pool-statistics.js';
import { ServerBudgets } from '../budget/server-budgets.js';
import { TargetPool } from './target-pool.js';

/** All pools of this process: one per connection target, with one budget per server. */
@Injectable()
export class ConnectionPools {
  /** Whether tenants may use connections; set by the module that knows their status. */
  admission: Admission = ADMIT_ALL;
  private readonly logger = new Logger(ConnectionPools.name);
  private readonly handles = new Map<string, PoolHandle>();
  /** Handles of deleted targets that data sources may still hold: a target that is restored gets the same one. */
  private readonly forgotten = new Map<string, WeakRef<PoolHandle>>();
  /** The ids of targets at replicas that have a pool, by the id of the target itself. */
  private readonly replicaIds = new Map<string, Set<string>>();
  private readonly draining = new Set<TargetPool>();
  private readonly options: PoolOptions;
  private readonly probes = new TargetProbes(() => Array.from(this.handles.values(), ({ pool }) => pool));
  private closed = false;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    @Optional() @Inject(TRUSTED_FUNCTIONS) trustedFunctions: readonly string[] = [],
    private readonly budgets: ServerBudgets = new ServerBudgets(config),
  ) {
    this.options = { ...poolOptions(config), trustedFunctions };
    if (!this.options.reuse) this.logger.log('Connection pooling is off: every statement opens a direct connection');
  }

  /**
   * Returns the target's pool. A target with another address or login gets a new pool at once; the old one ends with its
   * last lease.
   *
   * @throws PoolEndedError after `close`
   */
  get(target: ConnectionTarget): PoolHandle {
    if (this.closed) throw new PoolEndedError(targetName(target));
    const known = this.handles.get(target.id);
    if (known && sameConnections(known.target, target)) return known;
    const pool = this.create(target);
    if (known) {
      this.drain(known.replace(pool), pool);
      return known;
    }
    return this.hold(pool);
  }

  /** After this, no pool is given out. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** The tenant is served, so its target exists (again): deleted and restored by hand, for instance. */
  reopen({ target }: PoolHandle): void {
    if (!this.closed) this.get(target);
  }

  /** The ids of all targets with a pool; pools around a pooler and at replicas count as pools of their target. */
  targetIds(): ReadonlySet<string> {
    return new Set([...this.handles.keys()].map(baseTargetId));
  }

  /** Replaces the target's existing pools with newer ones now, instead of at the next request. */
  refresh(target: ConnectionTarget): void {
    const { replicas = [] } = target.server;
    const atReplicas = replicas.map((replica) => replicaTarget(target, replica));
    for (const each of [target, sessionTarget(target), ...atReplicas])
      if (!this.closed && this.handles.has(each.id)) this.get(each);
    const listed = new Set(atReplicas.map(({ id }) => id));
    for (const handle of this.handlesOf(target.id))
      if (handle.target.isReplica && !listed.has(handle.target.id)) this.forgetHandle(handle);
  }

  /** Removes a deleted target: its pools end with their last leases. */
  forget(targetId: string): void {
    for (const handle of this.handlesOf(targetId)) this.forgetHandle(handle);
    this.replicaIds.delete(targetId);
    for (const [id, handle] of this.forgotten) if (!handle.deref()) this.forgotten.delete(id);
  }

  snapshot(): { readonly pools: readonly PoolSnapshot[]; readonly servers: readonly ServerSnapshot[] } {
    return {
      pools: [...this.handles.values()].map((handle) => handle.pool.snapshot()),
      servers: Array.from(this.budgets.entries(), ([server, { limit, open, waiting }]) => ({
        server,
        limit,
        open,
        waiting,
      })),
    };
  }

  /** Drains every pool; leases still open after `deadlineMs` are destroyed and logged. */
  async close(deadlineMs: number): Promise<void> {
    this.closed = true;
    this.probes.stop();
    for (const { pool } of this.handles.values()) this.drain(pool);
    const ends = [...this.draining].map((pool) => pool.end());
    const emptied = Promise.all([...ends, ...this.allHandles().map((handle) => handle.endFallback())]);
    if (!(await endsWithin(emptied, deadlineMs))) this.destroyRemaining();
    await emptied;
    this.handles.clear(); // not earlier: their direct connections are revoked during the drain, too
    this.admission.close(); // not earlier: a suspension still revokes connections during the drain
  }

  /** Tenants that hold a connection or wait for one. */
  tenantsInUse(): Set<string> {
    const inUse = new Set<string>();
    for (const pool of this.allPools()) for (const tenantId of pool.tenantsInUse()) inUse.add(tenantId);
    for (const handle of this.allHandles()) for (const tenantId of handle.tenantsInFallback()) inUse.add(tenantId);
    return new Set([...inUse].filter(isTenants));
  }

  /** Rejects the tenant's waiting callers. */
  rejectWaiting(tenantId: string, rejection: Rejection): void {
    for (const pool of this.allPools()) pool.rejectWaiting(tenantId, rejection);
  }

  /** Revokes the connections that the tenant holds and cancels their statements. */
  revoke(tenantId: string, rejection: Rejection): void {
    let count = 0;
    for (const pool of this.allPools()) count += pool.revoke(tenantId, rejection);
    for (const handle of this.allHandles()) count += handle.revokeFromFallback(tenantId, rejection);
    if (count > 0) this.logger.log(`Revoked ${count} connections of tenant ${tenantId}: it is no longer served`);
  }

  /** Its own, that around the pooler, and those at its server's replicas. */
  private handlesOf(targetId: string): PoolHandle[] {
    const ids = [targetId, sessionTargetId(targetId), ...(this.replicaIds.get(targetId) ?? [])];
    return ids.map((id) => this.handles.get(id)).filter((handle) => handle !== undefined);
  }

  private forgetHandle(handle: PoolHandle): void {
    const { id, isReplica } = handle.target;
    this.handles.delete(id);
    if (isReplica) this.replicaIds.get(baseTargetId(id))?.delete(id);
    this.forgotten.set(id, new WeakRef(handle));
    this.drain(handle.pool);
  }

  private hold(pool: TargetPool): PoolHandle {
    const { id, isReplica } = pool.target;
    if (isReplica) addTo(this.replicaIds, baseTargetId(id), id);
    const former = this.forgotten.get(id)?.deref();
    former?.replace(pool);
    const handle = former ?? new PoolHandle(pool, this.options, this);
    this.forgotten.delete(id);
    this.handles.set(id, handle);
    return handle;
  }

  /** Also those of deleted targets: their direct connections may still be open. */
  private allHandles(): PoolHandle[] {
    const forgotten = Array.from(this.forgotten.values(), (handle) => handle.deref());
    return [...this.handles.values(), ...forgotten.filter((handle) => handle !== undefined)];
  }

  private allPools(): Set<TargetPool> {
    return new Set([...this.draining, ...Array.from(this.handles.values(), ({ pool }) => pool)]);
  }

  private destroyRemaining(): void {
    for (const pool of this.draining) {
      for (const lease of pool.destroyAll()) this.logger.warn(`Destroyed at shutdown: ${describe(lease, pool.target)}`);
    }
    for (const handle of this.allHandles()) handle.destroyFallback();
  }

  private create(target: ConnectionTarget): TargetPool {
    const onOverdue = (lease: HeldLease): void => this.logger.warn(`Long-held connection: ${describe(lease, target)}`);
    const onExpired = (lease: HeldLease, { message }: LeaseExpiredError): void =>
      this.logger.warn(`${message}: ${describe(lease, target)}`);
    const onLimited = (limit: ConnectionLimit, open: number): void =>
      this.logger.warn(describeLimit(limit, target, open));
    const budget = target.isReplica ? this.budgets.forReplica(target.server) : this.budgets.forPools(target.server);
    const pool = new TargetPool({ target, options: this.options, budget, onOverdue, onExpired, onLimited });
    const { size, maxOverflow, reuse } = this.options;
    if (reuse) this.logger.log(`Connection pool ready: ${targetName(target)} (size ${size}, overflow ${maxOverflow})`);
    return pool;
  }

  private drain(pool: TargetPool, successor?: TargetPool): void {
    this.draining.add(pool);
    void pool.end(successor).then(() => this.draining.delete(pool));
  }
}

function describe({ tenantId, since, site }: HeldLease, target: ConnectionTarget): string {
  const heldMs = Math.round(performance.now() - since);
  return `lease of tenant ${tenantId} on ${targetName(target)}, held for ${heldMs} ms, acquired at\n${site.stack}`;
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const known = sets.get(key);
  if (known) known.add(value);
  else sets.set(key, new Set([value]));
}

const INTERVAL_MS = 1_000;
/** Attempts per interval, so that many targets that are away together, with one server, cost little. */
const MAX_ATTEMPTS = 4;

/**
 * Tries targets again whose breaker is open. Callers would do so, but a target without any is otherwise reported as
 * unreachable for ever.
 */
class TargetProbes {
  private readonly timer: NodeJS.Timeout;
  /** Pools that were tried since the others were. */
  private tried = new WeakSet<TargetPool>();

  constructor(private readonly pools: () => Iterable<TargetPool>) {
    this.timer = setInterval(() => this.tryAgain(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tryAgain(): void {
    const broken = [...this.pools()].filter(({ breaker }) => breaker === 'open');
    if (broken.length === 0) return;
    const untried = broken.filter((pool) => !this.tried.has(pool));
    if (untried.length === 0) this.tried = new WeakSet();
    for (const pool of (untried.length > 0 ? untried : broken).slice(0, MAX_ATTEMPTS)) {
      this.tried.add(pool);
      void pool.warmUp(pool.counts().total + 1);
    }
  }
}
