import type { ServerBudget } from '../budget/server-budget.js';
import type { BreakerState } from '../../platform/breaker.js';
import type { ConnectionLimit } from '../connection/connection-failure.js';
import { type ConnectionTarget, targetName } from '../connection/connection-target.js';
import { TargetUnavailableError, UnsafeRoleError } from '../connection/connection.errors.js';
import { REVOKE_GRACE_MS } from '../connection/physical-connection.js';
import { roundTripTo } from '../connection/round-trip.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import type { Rejection, AcquireRequest, ConnectionPool } from './connection-pool.js';
import { CheckedOutConnection, type CallSite, callSiteOf, type HeldLease, LeaseLimits } from './leases.js';
import { type OpenConnection, openTenantConnection } from './connection-opener.js';
import { ConnectionBag, MAX_SHARERS } from './connection-bag.js';
import { ConnectionSupply } from './connection-supply.js';
import { PacedRefusals } from './paced-refusals.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolOptions } from './pool-options.js';
import { type PoolSnapshot, PoolStatistics } from './pool-statistics.js';
import {
  type LeaseExpiredError,
  type PoolCounts,
  PoolEndedError,
  PoolTimeoutError,
  TenantBusyError,
} from './pool.errors.js';
import { PoolWaiter, WaitingCallers } from './waiting-callers.js';

export interface TargetPoolDependencies {
  readonly target: ConnectionTarget;
  readonly options: PoolOptions;
  readonly budget: ServerBudget;
  /** Milliseconds; only differences matter. */
  readonly now?: () => number;
  /** 0 to 1, for the jitter of `DB_POOL_RECYCLE`. */
  readonly random?: () => number;
  /** `openTenantConnection` unless given. */
  readonly openConnection?: OpenConnection;
  /** Called when the server refuses a connection because of the role's, the database's or a pooler's limit. */
  readonly onLimited?: (limit: ConnectionLimit, open: number) => void;
  /** Called once for each lease that is held for longer than `leaseWarningMs`. */
  readonly onOverdue?: (lease: HeldLease) => void;
  /** Called for each lease that was ended because it lasted, or was idle, for too long. */
  readonly onExpired?: (lease: HeldLease, reason: LeaseExpiredError) => void;
}

/** After this time without use, all connections of a target are closed. */
const UNUSED_MS = 10 * 60_000;
const SWEEP_MS = 500;

/**
 * The physical connections to one target: the queue of waiting callers (who is next), the bag (which connection), and the
 * supply (how many). Every event that could change which waiter is served next ends in `pump`, which hands out connections
 * in the tenants' turns, and then has the supply validate or open as many as the unserved waiters need.
 */
export class TargetPool implements ConnectionPool {
  readonly target: ConnectionTarget;
  readonly budget: ServerBudget;
  readonly statistics = new PoolStatistics();
  private readonly options: PoolOptions;
  private readonly now: () => number;
  private readonly onOverdue: NonNullable<TargetPoolDependencies['onOverdue']>;
  private readonly onExpired: NonNullable<TargetPoolDependencies['onExpired']>;
  private readonly leaseLimits: LeaseLimits;
  private readonly callers: WaitingCallers;
  private readonly bag: ConnectionBag;
  private readonly supply: ConnectionSupply;
  private readonly refusals = new PacedRefusals();
  private readonly checkedOut = new Set<CheckedOutConnection>();
  private sweeper: NodeJS.Timeout | undefined;
  private lastUsedAt: number;
  private ended = false;
  private emptied: Promise<void> | undefined;
  private markEmpty: (() => void) | undefined;

  constructor({ target, options, budget, now = () => performance.now(), ...rest }: TargetPoolDependencies) {
    this.target = target;
    this.options = options;
    this.budget = budget;
    this.now = now;
    this.onOverdue = rest.onOverdue ?? (() => undefined);
    this.onExpired = rest.onExpired ?? (() => undefined);
    this.leaseLimits = new LeaseLimits(options);
    this.lastUsedAt = now();
    const maxConnections = options.size + options.maxOverflow;
    this.callers = new WaitingCallers(options.timeoutMs, now, (waiter, reason) => this.onAbandoned(waiter, reason));
    this.bag = new ConnectionBag({
      budget,
      statistics: this.statistics,
      roundTrip: roundTripTo(target.server),
      onSlotFreed: () => this.onAvailable(),
    });
    const demand = {
      connectionsNeeded: () => this.callers.connectionsNeeded(maxConnections, this.supportsSharing ? MAX_SHARERS : 1),
      waitingSince: () => this.callers.nextSince,
      onAvailable: () => this.onAvailable(),
      onOpenFailed: (reason: unknown, rejectAll: boolean) => this.onOpenFailed(reason, rejectAll),
    };
    const random = rest.random ?? Math.random;
    const onLimited = rest.onLimited ?? (() => undefined);
    const openConnection = rest.openConnection ?? openTenantConnection;
    const supplied = { target, options, budget, now, random, openConnection, onLimited };
    this.supply = new ConnectionSupply(this.bag, demand, supplied);
  }

  /** `open` while connecting to the target is not tried. */
  get breaker(): BreakerState {
    return this.supply.breaker;
  }

  /** Whether it takes no further callers. */
  get isEnded(): boolean {
    return this.ended;
  }

  acquire(request: AcquireRequest): Promise<CheckedOutConnection> {
    if (this.ended) return Promise.reject(new PoolEndedError(targetName(this.target)));
    if (request.isResent) this.statistics.resent += 1;
    const connection = this.tryAcquire(request);
    if (connection) return Promise.resolve(connection);
    const site = callSiteOf(request);
    return new Promise((resolve, reject) => {
      this.enqueue(new PoolWaiter(request, this.lastUsedAt, site, resolve, reject));
    });
  }

  /** The fast path: no waiter comes first, and the connection was used recently enough to need no validation. */
  tryAcquire(request: AcquireRequest): CheckedOutConnection | undefined {
    if (this.ended || request.signal?.aborted) return undefined;
    const now = this.now();
    this.lastUsedAt = now;
    const connection = this.connectionFor(request, now);
    if (!connection || !this.callers.tryStart(request.tenantId, request.share)) return undefined;
    this.statistics.waits.record(0);
    return this.checkOut(connection, request, now, callSiteOf(request));
  }

  counts(): PoolCounts {
    const { total, busy, idle } = this.bag;
    return { total, busy, idle: idle.length, waiting: this.callers.waiting };
  }

  snapshot(): PoolSnapshot {
    return {
      target: targetName(this.target),
      ...this.counts(),
      ...this.statistics.snapshot(),
      breaker: this.supply.breaker,
      ...(this.target.isReplica && { isReplica: true }),
    };
  }

  /** Opens connections in advance, up to `DB_POOL_SIZE` and the server's limit. */
  async warmUp(count = this.options.size): Promise<void> {
    if (this.ended) return;
    await this.supply.openAhead(Math.max(0, Math.min(count, this.options.size) - this.bag.total));
  }

  /**
   * Closes the pool: it rejects new callers, closes idle connections now, and the others when they are released.
   * Waiters move to `successor`, or are rejected without one. Resolves once the last connection is closed.
   */
  end(successor?: TargetPool): Promise<void> {
    if (!this.ended) {
      this.ended = true;
      this.supply.end();
      this.refusals.end();
      for (const waiter of this.callers.drain()) {
        if (successor) successor.enqueue(waiter);
        else waiter.reject(new PoolEndedError(targetName(this.target)));
      }
      this.bag.retireIdle('ending');
    }
    this.emptied ??= new Promise((resolve) => (this.markEmpty = resolve));
    this.updateSweeper();
    return this.emptied;
  }

  /** Aborts the connections that are being opened. */
  abandonOpenings(): void {
    this.supply.abandon();
  }

  /** Destroys all remaining sockets and returns the leases that were open. */
  destroyAll(): HeldLease[] {
    const openLeases = this.openLeases();
    this.abandonOpenings();
    this.bag.destroyAll();
    return openLeases;
  }

  /** Connections held for longer than one statement. */
  openLeases(): HeldLease[] {
    return Array.from(this.checkedOut, ({ lease }) => lease).filter((lease) => lease !== undefined);
  }

  /** Tenants that hold a connection or wait for one. */
  tenantsInUse(): string[] {
    return [...this.callers.waitingTenants(), ...Array.from(this.checkedOut, ({ tenantId }) => tenantId)];
  }

  /** Rejects the tenant's waiting callers. */
  rejectWaiting(tenantId: string, rejection: Rejection): void {
    for (const waiter of this.callers.drainTenant(tenantId)) waiter.reject(rejection());
    this.pump();
  }

  /** Revokes the connections that the tenant holds and cancels their statements. @returns how many */
  revoke(tenantId: string, rejection: Rejection): number {
    const revoked = [...this.checkedOut].filter((checkedOut) => checkedOut.tenantId === tenantId);
    for (const checkedOut of revoked) {
      if (!checkedOut.isShared) this.bag.retire(checkedOut.entry, 'cut', REVOKE_GRACE_MS);
      checkedOut.revoke(rejection());
    }
    return revoked.length;
  }

  /** Called by `CheckedOutConnection`. */
  release(checkedOut: CheckedOutConnection, discardReason?: string): void {
    const { entry, tenantId, revoked } = checkedOut;
    this.checkedOut.delete(checkedOut);
    this.callers.finish(tenantId);
    const now = this.now(); // read once: the clock is the most expensive call here
    const isDiscarded = discardReason !== undefined;
    this.parkOrRetire(entry, isDiscarded, now);
    // A discarded connection makes the idle ones suspect, unless we revoked it ourselves.
    if ((isDiscarded || entry.connection.refusesWrites) && !revoked) this.bag.requireValidation();
    this.pump(now);
  }

  /** Makes a released connection idle, or closes it; while others share it, a reason to close it takes effect after them. */
  private parkOrRetire(entry: PoolEntry, isDiscarded: boolean, now: number): void {
    const { connection } = entry;
    const hasSharers = entry.state === 'shared' && this.bag.unshare(entry, now);
    const isIntact = hasSharers ? connection.hasInitialSession : connection.isClean;
    const isReusable = !isDiscarded && entry.state !== 'retired' && isIntact;
    if (!isReusable) entry.closeReason = 'discarded';
    else {
      entry.lastAliveAt = now;
      entry.closeReason ??= this.supply.surplusReason(entry, now);
    }
    if (hasSharers) return;
    if (entry.closeReason) this.bag.retire(entry, entry.closeReason);
    else this.bag.park(entry, now);
  }

  private connectionFor({ allowsSharing }: AcquireRequest, now: number): PoolEntry | undefined {
    return this.bag.find(allowsSharing === true && this.supportsSharing, now);
  }

  /** A pooler spreads a connection's statements over many backends; without pooling, each connection is used once. */
  private get supportsSharing(): boolean {
    return this.options.reuse && this.target.server.aroundPooler === undefined;
  }

  private enqueue(waiter: PoolWaiter): void {
    if (this.supply.isProbing) return waiter.reject(this.unavailable(this.supply.lastFailure));
    try {
      this.callers.push(waiter);
    } catch (error) {
      if (!(error instanceof TenantBusyError)) return waiter.reject(error);
      this.statistics.refused += 1;
      waiter.watchSignal((reason) => waiter.reject(reason)); // a refusal may be held back
      return this.refusals.refuse(waiter.tenantId, () => waiter.reject(error));
    }
    this.pump();
  }

  /** A waiter was aborted by its signal or, without a reason, timed out. */
  private onAbandoned(waiter: PoolWaiter, reason: unknown): void {
    if (reason === undefined) this.statistics.timeouts += 1;
    const { timeoutMs } = this.options;
    waiter.reject(reason ?? new PoolTimeoutError(targetName(this.target), this.counts(), timeoutMs));
    this.pump(); // a caller behind it may accept a shared connection
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
    if (this.callers.hasNext) this.supply.meetDemand();
    else this.supply.closeUnneededIdle();
  }

  private checkOut(
    entry: PoolEntry,
    { tenantId, allowsSharing, isUnlimited = false }: AcquireRequest,
    now: number,
    site?: CallSite,
  ): CheckedOutConnection {
    const isShared = allowsSharing === true && this.supportsSharing;
    if (isShared) this.bag.share(entry, now);
    else this.bag.take(entry);
    const lease = site && { tenantId, since: now, site, limit: isUnlimited ? ('none' as const) : ('life' as const) };
    const checkedOut = new CheckedOutConnection(this, entry, tenantId, lease, this.supportsSharing, isShared);
    this.checkedOut.add(checkedOut);
    return checkedOut;
  }

  private onAvailable(): void {
    this.pump();
    this.updateSweeper();
  }

  private onOpenFailed(reason: unknown, rejectAll: boolean): void {
    const failure = this.unavailable(reason);
    if (rejectAll) {
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

  /** Runs the sweeper while the pool has connections; when an ending pool has none left, `end` resolves. */
  private updateSweeper(): void {
    if (this.bag.total > 0) {
      this.sweeper ??= runWithoutContext(() => setInterval(() => this.sweep(), SWEEP_MS).unref());
      return;
    }
    clearInterval(this.sweeper);
    this.sweeper = undefined;
    if (this.ended) this.markEmpty?.();
  }

  /** Closes surplus and expired connections, ends expired leases, and reports overdue ones. */
  private sweep(): void {
    const now = this.now();
    const unused = this.checkedOut.size === 0 && this.callers.waiting === 0 && now - this.lastUsedAt >= UNUSED_MS;
    this.bag.sweep(unused ? 0 : this.options.size, now);
    for (const checkedOut of [...this.checkedOut]) {
      const { lease } = checkedOut;
      if (lease && this.leaseLimits.isOverdue(lease, now)) this.onOverdue(lease);
      const reason = this.leaseLimits.reasonToEnd(checkedOut, now);
      if (reason) this.expire(checkedOut, reason);
    }
  }

  /** Takes the connection from a holder that may never release it. */
  private expire(checkedOut: CheckedOutConnection, reason: LeaseExpiredError): void {
    this.bag.retire(checkedOut.entry, 'expired', REVOKE_GRACE_MS);
    checkedOut.revoke(reason);
    checkedOut.release(reason.message);
    if (checkedOut.lease) this.onExpired(checkedOut.lease, reason);
  }
}
