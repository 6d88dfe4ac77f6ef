import { Logger } from '@nestjs/common';
import type { AcquireRequest, PooledConnection, Rejection } from './connection-pool.js';
import { targetName } from '../connection/connection-target.js';
import { CheckedOutConnection } from './leases.js';
import { PoolEndedError, PoolTimeoutError } from './pool.errors.js';
import { TargetUnavailableError, UnsafeRoleError } from '../connection/connection.errors.js';
import { REVOKE_GRACE_MS } from '../connection/physical-connection.js';
import { openTenantConnection } from './connection-opener.js';
import { PoolEntry } from './pool-entry.js';
import type { PoolOptions } from './pool-options.js';
import type { TargetPool } from './target-pool.js';
import type { BudgetMember, ServerBudget } from '../budget/server-budget.js';

/**
 * Direct connections for when the pool itself fails (a defect). Not used when the pool is exhausted, its database is
 * down or its login is rejected, where they would only defeat the limits. At most `DB_POOL_SIZE` at a time, within the
 * server's budget; further callers wait until earlier ones have closed, as they would wait for a connection of the pool.
 */
export class DirectFallback {
  private readonly logger = new Logger('ConnectionPools');
  private readonly slots: DirectSlots;
  private hasIncident = false;
  private ended = false;
  private readonly checkedOut = new Set<CheckedOutConnection>();

  constructor(private readonly options: PoolOptions) {
    this.slots = new DirectSlots(options.size);
  }

  /** Called when the pool has served a request; the next failure is a new incident. */
  recovered(): void {
    if (!this.hasIncident) return;
    this.hasIncident = false;
    this.logger.log('Connection pool recovered');
  }

  /** @throws PoolTimeoutError, PoolEndedError, TargetUnavailableError, UnsafeRoleError, or the signal's reason */
  async acquire(pool: TargetPool, request: AcquireRequest, cause: unknown): Promise<PooledConnection> {
    this.report(pool, cause);
    const { timeoutMs } = this.options;
    if (!(await this.slots.acquire(pool.budget, { timeoutMs, signal: request.signal }))) {
      throw new PoolTimeoutError(targetName(pool.target), pool.counts(), timeoutMs);
    }
    try {
      return await this.checkOut(pool, request.tenantId);
    } catch (error) {
      this.slots.release(pool.budget);
      const isOwn = error instanceof UnsafeRoleError || error instanceof PoolEndedError;
      throw isOwn ? error : new TargetUnavailableError(targetName(pool.target), error);
    }
  }

  /** Tenants that hold a direct connection. */
  tenantsInUse(): string[] {
    return Array.from(this.checkedOut, ({ tenantId }) => tenantId);
  }

  /** Revokes the tenant's direct connections. @returns how many */
  revoke(tenantId: string, rejection: Rejection): number {
    const revoked = [...this.checkedOut].filter((checkedOut) => checkedOut.tenantId === tenantId);
    for (const checkedOut of revoked) {
      checkedOut.entry.connection.close(REVOKE_GRACE_MS);
      checkedOut.revoke(rejection());
    }
    return revoked.length;
  }

  /** Takes no further ones. Resolves once none is open. */
  async end(): Promise<void> {
    this.ended = true;
    await Promise.all(Array.from(this.checkedOut, ({ entry }) => entry.connection.closed));
  }

  destroyAll(): void {
    for (const { entry } of this.checkedOut) entry.connection.destroyNow();
  }

  private async checkOut(pool: TargetPool, tenantId: string): Promise<PooledConnection> {
    const connection = await openTenantConnection(pool.target, this.options, { onLost: () => undefined });
    if (this.ended) {
      connection.close();
      await connection.closed;
      throw new PoolEndedError(targetName(pool.target));
    }
    const release = (released: CheckedOutConnection): void => {
      this.checkedOut.delete(released);
      connection.close();
      void connection.closed.then(() => this.slots.release(pool.budget));
    };
    const entry = new PoolEntry(connection, performance.now());
    const checkedOut = new CheckedOutConnection({ release }, entry, tenantId, undefined);
    this.checkedOut.add(checkedOut);
    return checkedOut;
  }

  private report(pool: TargetPool, cause: unknown): void {
    if (this.hasIncident) return;
    this.hasIncident = true;
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.logger.error(`Connection pool of ${targetName(pool.target)} failed; using direct connections`, reason);
  }
}

/** Callers that may wait; further ones are refused at once. */
const MAX_WAITING = 1_000;

/** How long a caller waits for a slot. */
export interface SlotWait {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Slots for direct connections: at most `max` at a time, each of them one of the server's budget as well. Callers receive
 * them in order of arrival.
 */
export class DirectSlots {
  private taken = 0;
  private readonly queue: SlotRequest[] = [];

  constructor(private readonly max: number) {}

  /**
   * Waits for a slot, to be returned with `release` once its connection is closed.
   *
   * @returns false when the time was over first, or too many wait already
   * @throws the signal's reason
   */
  async acquire(budget: ServerBudget, { timeoutMs, signal }: SlotWait): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.queue.length >= MAX_WAITING) return false;
    const request = new SlotRequest(budget);
    this.queue.push(request);
    this.admit();
    const giveUp = (): void => this.withdraw(request);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp);
    const isGranted = await request.settled;
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    if (!isGranted) signal?.throwIfAborted();
    return isGranted;
  }

  release(budget: ServerBudget): void {
    budget.release();
    this.free();
  }

  private admit(): void {
    while (this.taken < this.max) {
      const next = this.queue.shift();
      if (!next) return;
      this.taken += 1;
      next.ask();
    }
  }

  private withdraw(request: SlotRequest): void {
    const position = this.queue.indexOf(request);
    if (position >= 0) this.queue.splice(position, 1);
    if (request.withdraw() && position < 0) this.free();
  }

  private free(): void {
    this.taken -= 1;
    this.admit();
  }
}

/** One caller's request to the server's budget. */
class SlotRequest implements BudgetMember {
  readonly held = 0;
  readonly idle = 0;
  readonly idleSince = undefined;
  readonly waitingSince = performance.now();
  /** Whether the slot was granted. */
  readonly settled: Promise<boolean>;
  private settle!: (isGranted: boolean) => void;
  private isSettled = false;

  constructor(private readonly budget: ServerBudget) {
    this.settled = new Promise((resolve) => (this.settle = resolve));
  }

  ask(): void {
    if (this.budget.request(this)) this.onGranted();
  }

  closeLongestIdle(): boolean {
    return false;
  }

  onGranted(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.settle(true);
    return true;
  }

  /** @returns whether it was still waiting */
  withdraw(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.budget.leave(this);
    this.settle(false);
    return true;
  }
}
