import { type CallSite, siteOf } from './call-site.js';
import { type AcquireRequest, type ConnectionPool, type PooledConnection } from './connection-pool.js';
import { targetName } from '../connection/connection-target.js';
import { ReturnedConnections } from './returned-connections.js';
import { ConnectionSupply } from './connection-supply.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { type HeldLease, LeaseRegister } from './lease-register.js';
import { CheckedOutConnection } from './checked-out-connection.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { type PhysicalConnection, REVOKE_GRACE_MS } from '../connection/physical-connection.js';
import { type PoolCounts, PoolEndedError, PoolTimeoutError, TenantBusyError } from './pool.errors.js';
import { UnsafeRoleError } from '../connection/connection.errors.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import { MAX_SHARERS, PoolConnections } from './pool-connections.js';
import type { PoolOptions } from './pool-options.js';
import type { PoolSnapshot } from './pool-snapshot.js';
import { PoolStatistics } from './pool-statistics.js';
import { PoolWaiter } from './pool-waiter.js';
import type { ServerBudget } from '../budget/server-budget.js';
import type { Rejection } from './admission.js';
import { WaitingCallers } from './waiting-callers.js';

export interface TargetPoolDependencies {
  readonly target: ConnectionTarget;
  readonly options: PoolOptions;
  readonly budget: ServerBudget;
  /** Milliseconds; only differences matter. */
  readonly now?: () => number;
  /** 0 to 1, for the jitter of `DB_POOL_RECYCLE`. */
  readonly random?: () => number;
  /** Told once of each lease that is held for longer than `leaseWarningMs`. */
  readonly onOverdue?: (lease: HeldLease) => void;
}

/** A target that nobody used for so long keeps no connections. */
const UNUSED_MS = 10 * 60_000;
const SWEEP_MS = 500;

/**
 * The physical connections to one target.
 *
 * Connections are idle (the latest used on top), lent, or being looked at or opened for those who wait. Everything that
 * could change who is served next ends in `pump`, which hands out what is idle in the tenants' turns and has the supply
 * see to it that as many connections are on their way as those need who wait.
 */
export class TargetPool implements ConnectionPool {
  readonly target: ConnectionTarget;
  readonly budget: ServerBudget;
  readonly statistics = new PoolStatistics();
  readonly leases = new LeaseRegister();
  private readonly options: PoolOptions;
  private readonly now: () => number;
  private readonly onOverdue: (lease: HeldLease) => void;
  private readonly callers: WaitingCallers;
  private readonly connections: PoolConnections;
  private readonly supply: ConnectionSupply;
  private readonly returns: ReturnedConnections;
  private readonly checkedOut = new Set<CheckedOutConnection>();
  private sweeper: NodeJS.Timeout | undefined;
  private lastUsedAt: number;
  private ended = false;
  private emptied: Promise<void> | undefined;
  private markEmpty: (() => void) | undefined;

  constructor({ target, options, budget, now = () => performance.now(), ...more }: TargetPoolDependencies) {
    this.target = target;
    this.options = options;
    this.budget = budget;
    this.now = now;
    this.onOverdue = more.onOverdue ?? (() => undefined);
    this.lastUsedAt = now();
    const most = options.size + options.maxOverflow;
    this.callers = new WaitingCallers(options.timeoutMs, now, (caller, reason) => this.onAbandoned(caller, reason));
    this.connections = new PoolConnections(budget, this.statistics, now, () => this.supplied());
    const demand = {
      connectionsNeeded: () => this.callers.connectionsNeeded(most, this.isShareable ? MAX_SHARERS : 1),
      waitingSince: () => this.callers.nextSince,
      supplied: () => this.supplied(),
      failed: (reason: unknown, everybody: boolean) => this.failed(reason, everybody),
    };
    const random = more.random ?? Math.random;
    this.supply = new ConnectionSupply(this.connections, demand, { target, options, budget, now, random });
    this.returns = new ReturnedConnections(this.connections, this.supply, options);
  }

  acquire(request: AcquireRequest): Promise<PooledConnection> {
    if (this.ended) return Promise.reject(new PoolEndedError(targetName(this.target)));
    const connection = this.tryAcquire(request);
    if (connection) return Promise.resolve(connection);
    const site = siteOf(request);
    return new Promise((resolve, reject) => {
      this.enqueue(new PoolWaiter(request, this.lastUsedAt, site, resolve, reject));
    });
  }

  /** The fast path: nobody is before the caller, and the connection was used a moment ago. */
  tryAcquire(request: AcquireRequest): PooledConnection | undefined {
    if (this.ended || request.signal?.aborted) return undefined;
    const now = this.now();
    this.lastUsedAt = now;
    const connection = this.connectionFor(request, now);
    if (!connection || !this.callers.tryStart(request.tenantId, request.share)) return undefined;
    this.statistics.waits.record(0);
    return this.checkOut(connection, request, now, siteOf(request));
  }

  counts(): PoolCounts {
    const { total, idle } = this.connections;
    const busy = new Set(Array.from(this.checkedOut, ({ connection }) => connection));
    for (const connection of busy) if (!this.connections.has(connection)) busy.delete(connection); // it broke
    return { total, busy: busy.size, idle: idle.length, waiting: this.callers.waiting };
  }

  snapshot(): PoolSnapshot {
    return {
      target: targetName(this.target),
      ...this.counts(),
      ...this.statistics.snapshot(),
      breaker: this.supply.breaker,
    };
  }

  /** Opens connections ahead of need, up to `DB_POOL_SIZE` and what the server's limit leaves. */
  async warmUp(count = this.options.size): Promise<void> {
    if (this.ended) return;
    await this.supply.openAhead(Math.max(0, Math.min(count, this.options.size) - this.connections.total));
  }

  /** Takes no new callers, closes what is idle, and the rest when it is given back. Those who wait go to `successor`. */
  end(successor?: TargetPool): Promise<void> {
    if (!this.ended) {
      this.ended = true;
      this.supply.end();
      this.returns.end();
      for (const waiter of this.callers.drain()) {
        if (successor) successor.enqueue(waiter);
        else waiter.reject(new PoolEndedError(targetName(this.target)));
      }
      for (const connection of [...this.connections.idle]) this.connections.retire(connection, 'ending');
    }
    this.emptied ??= new Promise((resolve) => (this.markEmpty = resolve));
    this.followConnections();
    return this.emptied;
  }

  /** Destroys the sockets of what is still lent or being opened, and tells who held it. */
  destroyAll(): HeldLease[] {
    const held = this.leases.all();
    this.supply.abandon();
    for (const { connection } of this.checkedOut) {
      connection.destroyNow();
      this.connections.retire(connection, 'cut');
    }
    return held;
  }

  /** Tenants that hold a connection, or wait for one. */
  tenantsInUse(): string[] {
    return [...this.callers.waitingTenants(), ...Array.from(this.checkedOut, ({ tenantId }) => tenantId)];
  }

  /** Turns away those who wait for a tenant's turn. */
  rejectWaiting(tenantId: string, refusal: Rejection): void {
    for (const waiter of this.callers.drainTenant(tenantId)) waiter.reject(refusal());
    this.supply.withdrawSurplus();
  }

  /** Takes a tenant's connections from whoever holds them, and stops what they run. @returns how many */
  revoke(tenantId: string, refusal: Rejection): number {
    const found = [...this.checkedOut].filter((lent) => lent.tenantId === tenantId);
    for (const lent of found) {
      if (!lent.isShared) this.connections.retire(lent.connection, 'cut', REVOKE_GRACE_MS);
      lent.revoke(refusal());
    }
    return found.length;
  }

  /** For `LentConnection`. */
  release(lent: CheckedOutConnection, discardReason?: string): void {
    const { tenantId, lease } = lent;
    this.checkedOut.delete(lent);
    if (lease) this.leases.delete(lease);
    this.callers.finish(tenantId);
    const now = this.now(); // read once: a clock is dear beside everything else here
    this.returns.take(lent, discardReason, now);
    // That we took it says nothing of the others.
    if (discardReason !== undefined && !lent.revoked) this.connections.requireValidation();
    this.pump(now);
  }

  private connectionFor({ shares }: AcquireRequest, now: number): PhysicalConnection | undefined {
    const idle = this.connections.validatedIdle(now);
    return shares && this.isShareable ? this.connections.findConnection(now, idle) : idle;
  }

  /** Behind a pooler one connection's statements go to many backends, and what is used once has nobody to share it. */
  private get isShareable(): boolean {
    return this.options.reuse && this.target.server.aroundPooler === undefined;
  }

  private enqueue(waiter: PoolWaiter): void {
    if (this.supply.isProbing) return waiter.reject(this.unavailable(this.supply.lastFailure));
    try {
      this.callers.push(waiter);
    } catch (error) {
      if (error instanceof TenantBusyError) this.statistics.refused += 1;
      return waiter.reject(error);
    }
    this.pump();
  }

  /** One who does not wait any more: the signal said so, or without a reason the time was over. */
  private onAbandoned(waiter: PoolWaiter, reason: unknown): void {
    if (reason === undefined) this.statistics.timeouts += 1;
    const { timeoutMs } = this.options;
    waiter.reject(reason ?? new PoolTimeoutError(targetName(this.target), this.counts(), timeoutMs));
    this.supply.withdrawSurplus();
  }

  private pump(now = this.now()): void {
    for (let next = this.callers.peek(); next; next = this.callers.peek()) {
      const connection = this.connectionFor(next.request, now);
      const waiter = connection && this.callers.next();
      if (!waiter) break;
      this.statistics.waits.record(now - waiter.since);
      waiter.resolve(this.checkOut(connection, waiter.request, now, waiter.site));
    }
    this.supply.withdrawSurplus();
    if (this.callers.hasNext) this.supply.procure();
    else this.offerIdle();
  }

  /** What nobody here needs: to whoever waits for the server's limit, and closed where nothing is reused. */
  private offerIdle(): void {
    const { idle } = this.connections;
    if (!this.options.reuse) for (const connection of [...idle]) this.connections.retire(connection, 'direct');
    while (idle.length > 0 && this.supply.isNeededElsewhere()) this.supply.closeLongestIdle();
  }

  private checkOut(
    connection: PhysicalConnection,
    { tenantId, shares }: AcquireRequest,
    now: number,
    site?: CallSite,
  ): CheckedOutConnection {
    const isShared = shares === true && this.isShareable;
    if (isShared) this.connections.share(connection, now);
    else this.connections.takeTop();
    const lease = site && this.leases.add(tenantId, now, site);
    const lent = new CheckedOutConnection(this, connection, tenantId, lease, this.isShareable, isShared);
    this.checkedOut.add(lent);
    return lent;
  }

  private supplied(): void {
    this.pump();
    this.followConnections();
  }

  private failed(reason: unknown, everybody: boolean): void {
    const failure = this.unavailable(reason);
    if (everybody) {
      for (const waiter of this.callers.drain()) waiter.reject(failure);
      return;
    }
    const waiter = this.callers.next();
    if (!waiter) return;
    this.callers.finish(waiter.tenantId);
    waiter.reject(failure);
  }

  private unavailable(reason: unknown): Error {
    return reason instanceof UnsafeRoleError ? reason : new TargetUnavailableError(targetName(this.target), reason);
  }

  /** Sweeps while there are connections; without any, a pool that was told to end has ended. */
  private followConnections(): void {
    if (this.connections.total > 0) {
      this.sweeper ??= runWithoutContext(() => setInterval(() => this.sweep(), SWEEP_MS).unref());
      return;
    }
    clearInterval(this.sweeper);
    this.sweeper = undefined;
    if (this.ended) this.markEmpty?.();
  }

  /** What time does: connections are closed that are not needed or too old, and long leases are told of. */
  private sweep(): void {
    const now = this.now();
    const unused = this.checkedOut.size === 0 && this.callers.waiting === 0 && now - this.lastUsedAt >= UNUSED_MS;
    this.connections.sweep(unused ? 0 : this.options.size);
    for (const lease of this.leases.overdue(now, this.options.leaseWarningMs)) this.onOverdue(lease);
  }
}
