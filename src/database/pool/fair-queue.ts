import { TenantBusyError } from './pool.errors.js';

/** One tenant's limits on a target. */
export interface TenantShare {
  /** Maximum number of connections held at once, for statements and leases together. May change meanwhile. */
  readonly maxConcurrent: number;
  /** Maximum number of waiting callers in excess of `maxConcurrent`; further callers are rejected. */
  readonly maxQueued: number;
}

/** A caller waiting for a connection. */
export interface Waiter {
  readonly tenantId: string;
  readonly share: TenantShare;
  /** When the wait began, in ms of the pool's clock. */
  readonly since: number;
  /** Whether the caller accepts a shared connection. */
  readonly allowsSharing: boolean;
}

/** One tenant's waiters and the number of slots it occupies. */
interface Lane<W> {
  readonly tenantId: string;
  share: TenantShare;
  active: number;
  readonly waiting: W[];
}

/** Empty lanes are kept up to this many lanes: creating one per statement takes a fifth of the time of a checkout. */
const MAX_KEPT_LANES = 1_000;

/**
 * Decides which waiter gets the next connection: tenants take turns, rather than requests in order of arrival, so that
 * a tenant with a thousand queued requests delays another tenant by one turn. A tenant at its limit is skipped until
 * one of its connections is released.
 */
export class FairQueue<W extends Waiter> {
  private readonly lanes = new Map<string, Lane<W>>();
  /** Lanes with an eligible waiter; the next one first. */
  private readonly turns = new Set<Lane<W>>();
  private waitingCount = 0;

  get waiting(): number {
    return this.waitingCount;
  }

  /** Whether a waiter could be served if there were a connection. */
  get hasNext(): boolean {
    return this.turns.size > 0;
  }

  /**
   * How many connections the eligible waiters need, counted up to `max`.
   *
   * @param maxSharers how many sharing callers fit on one connection
   */
  connectionsNeeded(max: number, maxSharers: number): number {
    let exclusive = 0;
    let sharing = 0;
    for (const { waiting, share, active } of this.turns) {
      const eligible = Math.min(waiting.length, share.maxConcurrent - active);
      for (let index = 0; index < eligible; index += 1) {
        if (waiting[index]?.allowsSharing) sharing += 1;
        else exclusive += 1;
      }
      if (exclusive >= max) return max;
    }
    return Math.min(max, exclusive + Math.ceil(sharing / maxSharers));
  }

  /** When the next eligible waiter began to wait; undefined when there is none. */
  get nextSince(): number | undefined {
    const [lane] = this.turns;
    return lane?.waiting[0]?.since;
  }

  /** The next eligible waiter, which stays in the queue. */
  peek(): W | undefined {
    if (this.turns.size === 0) return undefined;
    const [lane] = this.turns;
    return lane?.waiting[0];
  }

  /** Occupies a slot for a caller that need not wait; false when others are waiting or the tenant is at its limit. */
  tryStart(tenantId: string, share: TenantShare): boolean {
    if (this.turns.size > 0) return false;
    const lane = this.lane(tenantId, share);
    if (lane.active >= share.maxConcurrent || lane.waiting.length > 0) return false;
    lane.active += 1;
    return true;
  }

  /** @throws TenantBusyError when the tenant's queue is full */
  push(waiter: W): void {
    const lane = this.lane(waiter.tenantId, waiter.share);
    const { maxConcurrent, maxQueued } = waiter.share;
    // A waiter within `maxConcurrent` waits only for a connection, not for its own tenant, so it does not count as
    // queued.
    if (lane.active + lane.waiting.length >= maxConcurrent + maxQueued) {
      throw new TenantBusyError(lane.active, lane.waiting.length);
    }
    lane.waiting.push(waiter);
    this.waitingCount += 1;
    this.refresh(lane);
  }

  /** Removes the next eligible waiter, which occupies a slot from now on; return the slot with `finish`. */
  next(): W | undefined {
    const [lane] = this.turns;
    const waiter = lane?.waiting.shift();
    if (!lane || !waiter) return undefined;
    this.waitingCount -= 1;
    lane.active += 1;
    this.turns.delete(lane);
    this.refresh(lane);
    return waiter;
  }

  /** Returns one of the tenant's slots. */
  finish(tenantId: string): void {
    const lane = this.lanes.get(tenantId);
    if (!lane) return;
    lane.active -= 1;
    this.refresh(lane);
  }

  /** Removes a waiter that has stopped waiting; false when it was no longer in the queue. */
  remove(waiter: W): boolean {
    const lane = this.lanes.get(waiter.tenantId);
    const position = lane?.waiting.indexOf(waiter) ?? -1;
    if (!lane || position < 0) return false;
    lane.waiting.splice(position, 1);
    this.waitingCount -= 1;
    this.refresh(lane);
    return true;
  }

  /** All waiters, in no particular order. */
  all(): W[] {
    return [...this.lanes.values()].flatMap((lane) => lane.waiting);
  }

  /** Tenants with waiting callers. */
  waitingTenants(): string[] {
    return [...this.lanes.values()].filter((lane) => lane.waiting.length > 0).map((lane) => lane.tenantId);
  }

  /** Removes and returns one tenant's waiters. */
  drainTenant(tenantId: string): W[] {
    const lane = this.lanes.get(tenantId);
    if (!lane) return [];
    const drained = lane.waiting.splice(0);
    this.waitingCount -= drained.length;
    this.refresh(lane);
    return drained;
  }

  /** Removes and returns all waiters. */
  drain(): W[] {
    const drained = [...this.lanes.values()].flatMap((lane) => lane.waiting.splice(0));
    this.waitingCount = 0;
    for (const lane of [...this.lanes.values()]) this.refresh(lane);
    return drained;
  }

  private lane(tenantId: string, share: TenantShare): Lane<W> {
    let lane = this.lanes.get(tenantId);
    if (!lane) this.lanes.set(tenantId, (lane = { tenantId, share, active: 0, waiting: [] }));
    lane.share = share;
    return lane;
  }

  /** An eligible lane keeps its turn, a newly eligible one queues at the end, and an empty one may be deleted. */
  private refresh(lane: Lane<W>): void {
    const isEligible = lane.waiting.length > 0 && lane.active < lane.share.maxConcurrent;
    if (isEligible) this.turns.add(lane);
    else this.turns.delete(lane);
    const isEmpty = lane.active === 0 && lane.waiting.length === 0;
    if (isEmpty && this.lanes.size > MAX_KEPT_LANES) this.lanes.delete(lane.tenantId);
  }
}
