import { type AcquireRequest, type ConnectionPool, type PooledConnection, targetName } from './connection-pool.js';
import { CallSite } from './call-site.js';
import { ConnectionOpener } from './connection-opener.js';
import type { ConnectionTarget } from './connection-target.js';
import { EarliestDeadline } from './earliest-deadline.js';
import { FairQueue } from './fair-queue.js';
import { type HeldLease, LeaseRegister } from './lease-register.js';
import { LentConnection } from './lent-connection.js';
import type { PhysicalConnection } from './physical-connection.js';
import {
  type PoolCounts,
  PoolEndedError,
  PoolTimeoutError,
  TargetUnavailableError,
  TenantBusyError,
  UnsafeRoleError,
} from './pool.errors.js';
import type { PoolOptions } from './pool-options.js';
import type { CloseReason, PoolSnapshot } from './pool-snapshot.js';
import { PoolConnections } from './pool-connections.js';
import { PoolStatistics } from './pool-statistics.js';
import { PoolWaiter } from './pool-waiter.js';
import type { BudgetMember, ServerBudget } from './server-budget.js';

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

/** A connection that was idle for longer is asked whether it still answers before it is handed out. */
const TRUSTED_MS = 1_000;
const VALIDATION_MS = 1_000;
/** A target that nobody used for so long keeps no connections. */
const UNUSED_MS = 10 * 60_000;
const SWEEP_MS = 500;
/** After a failure to connect, while own connections are busy: when to try again for those who wait. */
const RETRY_MS = 250;

/**
 * The physical connections to one target.
 *
 * Connections are idle (the latest used on top), lent, or being looked at or opened for those who wait. Everything that
 * could change who is served next ends in `pump`, which hands out what is idle in the tenants' turns and sees to it that
 * as many connections are on their way as callers could be served, within the pool's and the server's limits.
 */
export class TargetPool implements ConnectionPool, BudgetMember {
  readonly target: ConnectionTarget;
  readonly budget: ServerBudget;
  readonly statistics = new PoolStatistics();
  readonly leases = new LeaseRegister();
  private readonly options: PoolOptions;
  private readonly now: () => number;
  private readonly onOverdue: (lease: HeldLease) => void;
  private readonly opener: ConnectionOpener;
  private readonly queue = new FairQueue<PoolWaiter>();
  private readonly deadlines: EarliestDeadline;
  private readonly connections: PoolConnections;
  private readonly lent = new Set<LentConnection>();
  private validating = 0;
  /** Asked of the budget and not granted yet. */
  private requested = 0;
  private retry: NodeJS.Timeout | undefined;
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
    this.deadlines = new EarliestDeadline(now, (passed) => this.giveUpOverdue(passed));
    this.opener = new ConnectionOpener(target, options, now, more.random ?? Math.random);
    this.connections = new PoolConnections(budget, this.statistics, now, () => this.placeFreed());
    this.lastUsedAt = now();
    budget.join(this);
  }

  acquire(request: AcquireRequest): Promise<PooledConnection> {
    if (this.ended) return Promise.reject(new PoolEndedError(targetName(this.target)));
    this.lastUsedAt = this.now();
    const site = request.hold === 'lease' ? new CallSite() : undefined;
    const connection = this.takeTrusted(request, this.lastUsedAt);
    if (connection) {
      this.statistics.waits.record(0);
      return Promise.resolve(this.lend(connection, request, site));
    }
    return new Promise((resolve, reject) => {
      this.enqueue(new PoolWaiter(request, this.lastUsedAt, site, resolve, reject));
    });
  }

  counts(): PoolCounts {
    const { total, idle } = this.connections;
    const busy = [...this.lent].filter(({ connection }) => this.connections.has(connection)); // the others broke
    return { total, busy: busy.length, idle: idle.length, waiting: this.queue.waiting };
  }

  snapshot(): PoolSnapshot {
    return {
      target: targetName(this.target),
      ...this.counts(),
      ...this.statistics.snapshot(),
      breaker: this.opener.breaker.state,
    };
  }

  /** Opens connections ahead of need, up to `DB_POOL_SIZE` and what the server's limit leaves. */
  async warmUp(count = this.options.size): Promise<void> {
    const missing = Math.min(count, this.options.size) - this.connections.total;
    await Promise.all(Array.from({ length: Math.max(0, missing) }, () => this.budget.takeNow() && this.open()));
  }

  /** What time does: connections are closed that are not needed or too old, and long leases are told of. */
  private sweep(): void {
    const now = this.now();
    const unused = this.lent.size === 0 && this.queue.waiting === 0 && now - this.lastUsedAt >= UNUSED_MS;
    this.connections.sweep(unused ? 0 : this.options.size);
    for (const lease of this.leases.overdue(now, this.options.leaseWarningMs)) this.onOverdue(lease);
  }

  /** Takes no new callers, closes what is idle, and the rest when it is given back. Those who wait go to `successor`. */
  end(successor?: TargetPool): Promise<void> {
    if (!this.ended) {
      this.ended = true;
      this.budget.leave(this);
      this.requested = 0;
      clearTimeout(this.retry);
      this.deadlines.stop();
      for (const waiter of this.queue.drain()) {
        if (successor) successor.enqueue(waiter);
        else waiter.reject(new PoolEndedError(targetName(this.target)));
      }
      for (const connection of [...this.connections.idle]) this.connections.retire(connection, 'ending');
    }
    this.emptied ??= new Promise((resolve) => (this.markEmpty = resolve));
    this.checkEmpty();
    return this.emptied;
  }

  /** Destroys the sockets of what is still lent or being opened, and tells who held it. */
  cut(): HeldLease[] {
    const held = this.leases.all();
    this.opener.abandon();
    for (const { connection } of this.lent) {
      connection.cut();
      this.connections.retire(connection, 'cut');
    }
    return held;
  }

  // What the server's budget asks

  get held(): number {
    return this.connections.total;
  }

  get idleSince(): number | undefined {
    return this.connections.idle[0]?.aliveAt;
  }

  get waitingSince(): number | undefined {
    return this.queue.nextSince;
  }

  closeLongestIdle(): boolean {
    return this.connections.retireLongestIdle('server-limit');
  }

  permit(): boolean {
    this.requested -= 1;
    const wanted = this.queue.countServable(this.most) > this.connections.openingCount + this.validating;
    if (!wanted || this.ended) return false;
    void this.open();
    return true;
  }

  // What a lent connection asks

  giveBack(lent: LentConnection, discardReason?: string): void {
    const { connection, tenantId, lease } = lent;
    this.lent.delete(lent);
    if (lease) this.leases.delete(lease);
    this.queue.finish(tenantId);
    const now = this.now(); // read once: a clock is dear beside everything else here
    const reason = this.reasonToClose(connection, discardReason, now);
    if (reason) this.connections.retire(connection, reason);
    else this.connections.park(connection, now);
    if (discardReason !== undefined) this.connections.doubtIdle();
    this.pump(now);
  }

  private get most(): number {
    return this.options.size + this.options.maxOverflow;
  }

  private get isFull(): boolean {
    return this.connections.total + this.requested >= this.most;
  }

  /** The fast path: nobody is before the caller, and the connection on top was used a moment ago. */
  private takeTrusted({ tenantId, share, signal }: AcquireRequest, now: number): PhysicalConnection | undefined {
    const connection = this.connections.idle.at(-1);
    if (!connection || signal?.aborted || !isTrusted(connection, now)) return undefined;
    return this.queue.tryStart(tenantId, share) ? this.connections.takeTop() : undefined;
  }

  private enqueue(waiter: PoolWaiter): void {
    try {
      waiter.signal?.throwIfAborted();
      this.queue.push(waiter);
    } catch (error) {
      if (error instanceof TenantBusyError) this.statistics.refused += 1;
      return waiter.reject(error);
    }
    waiter.watchSignal((reason) => {
      if (!this.queue.remove(waiter)) return;
      waiter.reject(reason);
      this.withdrawSurplus();
    });
    this.deadlines.watch(this.deadlineOf(waiter));
    this.pump();
  }

  private deadlineOf(waiter: PoolWaiter): number {
    return waiter.since + this.options.timeoutMs;
  }

  private giveUpOverdue(passed: number): void {
    const { timeoutMs } = this.options;
    for (const waiter of this.queue.all()) {
      const deadline = this.deadlineOf(waiter);
      if (deadline > passed) this.deadlines.watch(deadline);
      else if (this.queue.remove(waiter)) {
        this.statistics.timeouts += 1;
        waiter.reject(new PoolTimeoutError(targetName(this.target), this.counts(), timeoutMs));
      }
    }
    this.withdrawSurplus();
  }

  private pump(now = this.now()): void {
    for (let waiter = this.nextWithTrusted(now); waiter; waiter = this.nextWithTrusted(now)) {
      this.statistics.waits.record(now - waiter.since);
      waiter.resolve(this.lend(this.connections.takeTop()!, waiter.request, waiter.site));
    }
    this.withdrawSurplus();
    if (this.queue.hasNext) this.procure();
    else this.offerIdle();
  }

  /** What nobody here needs: to whoever waits for the server's limit, and closed where nothing is reused. */
  private offerIdle(): void {
    const { idle } = this.connections;
    if (!this.options.reuse) for (const connection of [...idle]) this.connections.retire(connection, 'direct');
    while (idle.length > 0 && this.budget.isNeededElsewhere(this)) this.closeLongestIdle();
  }

  /** The next caller, when there is a connection for them that need not be looked at first. */
  private nextWithTrusted(now: number): PoolWaiter | undefined {
    const top = this.connections.idle.at(-1);
    return top && isTrusted(top, now) ? this.queue.next() : undefined;
  }

  /** Gets as many connections on their way as callers could be served. */
  private procure(): void {
    if (this.connections.idle.length === 0 && this.isFull) return; // the usual case under load
    const underWay = this.connections.openingCount + this.validating + this.requested;
    for (let missing = this.queue.countServable(this.most) - underWay; missing > 0; missing -= 1) {
      const doubtful = this.connections.takeTop();
      if (doubtful) void this.validate(doubtful);
      else if (this.isFull || this.retry) return;
      else if (this.budget.take(this)) void this.open();
      else this.requested += 1;
    }
  }

  /** Places asked of the budget for callers who were served otherwise, or gave up. */
  private withdrawSurplus(): void {
    if (this.requested === 0) return;
    const needed = this.queue.countServable(this.most) - this.connections.openingCount - this.validating;
    for (; this.requested > Math.max(0, needed); this.requested -= 1) this.budget.withdraw(this);
  }

  private lend(connection: PhysicalConnection, { tenantId }: AcquireRequest, site?: CallSite): LentConnection {
    const lease = site && this.leases.add(tenantId, this.now(), site);
    const lent = new LentConnection(this, connection, tenantId, lease);
    this.lent.add(lent);
    return lent;
  }

  private async validate(connection: PhysicalConnection): Promise<void> {
    this.validating += 1;
    const expired = this.now() >= connection.retireAt;
    const answers = !expired && (await connection.answers(VALIDATION_MS));
    this.validating -= 1;
    if (expired) this.connections.retire(connection, 'recycled');
    else if (!answers) this.connections.retireUnanswering(connection);
    else if (this.ended) this.connections.retire(connection, 'ending');
    else if (this.connections.has(connection)) this.connections.park(connection, this.now());
    this.pump();
  }

  /** With a place in the server's budget already taken. */
  private async open(): Promise<void> {
    try {
      const connection = await this.connections.open(() => this.opener.open((lost) => this.lose(lost)));
      this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
      if (this.ended) this.connections.retire(connection, 'ending');
      else this.connections.park(connection, this.now());
    } catch (error) {
      this.openFailed(error);
    }
    this.placeFreed();
  }

  /**
   * The one it was opened for is told; with the breaker open, all are, because nobody will try for them. While own
   * connections are alive, or others are being opened, they can serve those who wait: then a later attempt is planned,
   * and none is made before.
   */
  private openFailed(error: unknown): void {
    if (this.isAlive()) return this.planRetry();
    const failure =
      error instanceof UnsafeRoleError
        ? error
        : new TargetUnavailableError(targetName(this.target), this.opener.lastFailure);
    if (this.opener.breaker.state !== 'closed' || error instanceof UnsafeRoleError) {
      for (const waiter of this.queue.drain()) waiter.reject(failure);
      return;
    }
    const waiter = this.queue.next();
    if (!waiter) return;
    this.queue.finish(waiter.tenantId);
    waiter.reject(failure);
  }

  /** Of a server that does not answer, connections that were lent long ago prove nothing. */
  private isAlive(): boolean {
    if (!this.opener.isUnreachable) return this.connections.usableCount + this.connections.openingCount > 0;
    return this.connections.someAliveSince(this.now() - this.options.connectTimeoutMs);
  }

  private planRetry(): void {
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      this.pump();
    }, RETRY_MS).unref();
  }

  private reasonToClose(
    connection: PhysicalConnection,
    discardReason: string | undefined,
    now: number,
  ): CloseReason | undefined {
    if (discardReason !== undefined || connection.inTransaction || !this.connections.has(connection))
      return 'discarded';
    if (this.ended) return 'ending';
    if (!this.options.reuse) return 'direct';
    if (now >= connection.retireAt) return 'recycled';
    return this.budget.isNeededElsewhere(this) ? 'server-limit' : undefined;
  }

  private lose(connection: PhysicalConnection): void {
    this.connections.retire(connection, 'lost');
    this.connections.doubtIdle();
    this.pump();
  }

  private placeFreed(): void {
    this.pump();
    this.checkEmpty();
  }

  private checkEmpty(): void {
    if (this.connections.total > 0) return;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
    if (this.ended) this.markEmpty?.();
  }
}

function isTrusted(connection: PhysicalConnection, now: number): boolean {
  return now - connection.aliveAt < TRUSTED_MS && now < connection.retireAt;
}
