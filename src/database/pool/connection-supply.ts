import { AdaptiveLimit } from '../budget/adaptive-limit.js';
import type { BreakerState } from '../../platform/breaker.js';
import { ConnectionOpener, type OpenConnection } from './connection-opener.js';
import { type ConnectionLimit, exceededLimit } from '../connection/connection-failure.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { UnsafeRoleError } from '../connection/connection.errors.js';
import type { ConnectionBag } from './connection-bag.js';
import type { PoolEntry } from './pool-entry.js';
import type { PoolOptions } from './pool-options.js';
import type { CloseReason } from '../connection/physical-connection.js';
import type { BudgetMember, ServerBudget } from '../budget/server-budget.js';

const VALIDATION_TIMEOUT_MS = 1_000;
/** Delay before connecting again for waiters, after a failure while other connections of the pool are alive. */
const RETRY_MS = 250;

/** The demand side, implemented by the pool. */
export interface ConnectionDemand {
  /** How many connections the eligible waiters need. */
  connectionsNeeded(): number;
  /** When the next waiter began to wait, in ms of the pool's clock; undefined when there is no waiter. */
  waitingSince(): number | undefined;
  /** A connection is idle, or a slot is free: a waiter may be served. */
  onAvailable(): void;
  /** Connecting failed and no other connection can serve. Rejects the next waiter, or with `rejectAll` every waiter. */
  onOpenFailed(reason: unknown, rejectAll: boolean): void;
}

export interface SupplyDependencies {
  readonly target: ConnectionTarget;
  readonly options: PoolOptions;
  readonly budget: ServerBudget;
  readonly now: () => number;
  readonly random: () => number;
  readonly openConnection: OpenConnection;
  /** Called when the server refuses a connection because of another limit than its own. */
  readonly onLimited: (limit: ConnectionLimit, open: number) => void;
}

/**
 * Supplies waiters with connections: validates idle ones, and opens new ones within the pool's and the server's limits.
 */
export class ConnectionSupply implements BudgetMember {
  private readonly opener: ConnectionOpener;
  private readonly max: AdaptiveLimit;
  /** Slots requested from the budget and not granted yet. */
  private requested = 0;
  private retry: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly bag: ConnectionBag,
    private readonly demand: ConnectionDemand,
    private readonly dependencies: SupplyDependencies,
  ) {
    const { target, options, now, random, openConnection } = dependencies;
    this.opener = new ConnectionOpener(target, options, now, random, openConnection);
    this.max = new AdaptiveLimit(options.size + options.maxOverflow, () => demand.onAvailable());
    dependencies.budget.join(this);
  }

  get breaker(): BreakerState {
    return this.opener.breaker.state;
  }

  /** Whether the breaker is probing the target and no connection can serve meanwhile: new callers should not wait. */
  get isProbing(): boolean {
    return this.breaker === 'half-open' && this.bag.idle.length + this.bag.validating === 0 && !this.isAlive();
  }

  get lastFailure(): unknown {
    return this.opener.lastFailure;
  }

  /** Validates or opens as many connections as the unserved waiters need. */
  meetDemand(): void {
    if (this.bag.idle.length === 0 && this.isFull) return; // the common case under load
    this.bag.retireExpired(this.dependencies.now());
    const inProgress = this.bag.preparing + this.requested;
    for (let missing = this.demand.connectionsNeeded() - inProgress; missing > 0; missing -= 1) {
      const idle = this.bag.takeToValidate();
      if (idle) void this.validate(idle);
      else if (this.isFull || this.retry) return;
      else if (this.dependencies.budget.request(this)) void this.open();
      else this.requested += 1;
    }
  }

  /** Withdraws slot requests whose waiters have left or were served by another connection. */
  withdrawSurplus(): void {
    if (this.requested === 0) return;
    const needed = this.demand.connectionsNeeded() - this.bag.preparing;
    for (; this.requested > Math.max(0, needed); this.requested -= 1) this.dependencies.budget.withdraw(this);
  }

  /** Opens up to `count` connections, as far as the server's limit allows without waiting. */
  async openAhead(count: number): Promise<void> {
    const opening: Promise<void>[] = [];
    while (opening.length < count && this.dependencies.budget.tryAcquire()) opening.push(this.open());
    await Promise.all(opening);
  }

  /** Why a connection that no caller holds should be closed; undefined to keep it. */
  surplusReason({ retireAt }: PoolEntry, now: number): CloseReason | undefined {
    if (this.ended) return 'ending';
    if (!this.dependencies.options.reuse) return 'direct';
    if (now >= retireAt) return 'recycled';
    return this.dependencies.budget.isNeededElsewhere(this) ? 'server-limit' : undefined;
  }

  /** Closes idle connections that another pool of the server needs; with pooling off, all of them. */
  closeUnneededIdle(): void {
    if (!this.dependencies.options.reuse) this.bag.retireIdle('direct');
    while (this.bag.idle.length > 0 && this.dependencies.budget.isNeededElsewhere(this)) this.closeLongestIdle();
  }

  end(): void {
    this.ended = true;
    this.dependencies.budget.leave(this);
    this.requested = 0;
    clearTimeout(this.retry);
    this.max.stop();
  }

  /** Aborts opening connections. */
  abandon(): void {
    this.opener.abandon();
  }

  // BudgetMember

  get held(): number {
    return this.bag.total;
  }

  get idle(): number {
    return this.bag.idle.length;
  }

  get idleSince(): number | undefined {
    return this.bag.idle[0]?.lastAliveAt;
  }

  get waitingSince(): number | undefined {
    return this.demand.waitingSince();
  }

  closeLongestIdle(): boolean {
    return this.bag.retireLongestIdle('server-limit');
  }

  onGranted(): boolean {
    this.requested -= 1;
    if (this.ended || this.demand.connectionsNeeded() <= this.bag.preparing) return false;
    void this.open();
    return true;
  }

  private get isFull(): boolean {
    return this.bag.total + this.requested >= this.max.current;
  }

  private async validate(entry: PoolEntry): Promise<void> {
    const isValid = await entry.connection.respondsAsPrimary(VALIDATION_TIMEOUT_MS);
    const now = this.dependencies.now();
    if (!isValid) this.bag.retireUnanswering(entry);
    else if (this.ended) this.bag.retire(entry, 'ending');
    else {
      entry.markChecked(now);
      this.bag.park(entry, now);
    }
    this.demand.onAvailable();
  }

  /** Requires a slot already acquired from the server's budget. */
  private async open(): Promise<void> {
    try {
      const entry = await this.bag.open(() => this.opener.open((lost) => this.lose(lost)));
      if (this.ended) this.bag.retire(entry, 'ending');
    } catch (error) {
      this.openFailed(error);
    }
    this.demand.onAvailable();
  }

  /**
   * When the server has no room, it is alive: every waiter waits for a connection that is released, or for the next
   * attempt. While connections of the pool are alive or being opened, they can serve the waiters: then no waiter is rejected, a
   * retry is scheduled, and no attempt is made before it.
   */
  private openFailed(error: unknown): void {
    const limit = exceededLimit(error);
    if (limit !== undefined) return this.lowerLimit(limit);
    if (this.isAlive()) return this.scheduleRetry();
    const isUnsafeRole = error instanceof UnsafeRoleError;
    // While the breaker is half-open, the probe's connection may still serve the other waiters: reject only one.
    this.demand.onOpenFailed(isUnsafeRole ? error : this.lastFailure, isUnsafeRole || this.breaker === 'open');
  }

  private lowerLimit(limit: ConnectionLimit): void {
    if (limit === 'server') return; // the server's budget has been lowered
    const { total } = this.bag;
    if (!this.max.isLowered) this.dependencies.onLimited(limit, total);
    this.max.lower(total);
  }

  /** When the server does not respond, connections checked out long ago are no evidence that it is alive. */
  private isAlive(): boolean {
    if (!this.opener.isUnreachable) return !this.bag.isEmpty;
    return this.bag.hasAliveSince(this.dependencies.now() - this.dependencies.options.connectTimeoutMs);
  }

  private scheduleRetry(): void {
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      this.demand.onAvailable();
    }, RETRY_MS).unref();
  }

  private lose(entry: PoolEntry): void {
    this.bag.retire(entry, 'lost');
    this.bag.requireValidation();
    this.demand.onAvailable();
  }
}
