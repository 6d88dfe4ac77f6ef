import { TenantBusyError } from './pool.errors.js';

/** How much of a target one tenant may take. */
export interface TenantShare {
  /** Connections held at once, for statements and leases together. */
  readonly maxConcurrent: number;
  /** Callers that may wait at once, besides those who would be within `maxConcurrent`; one more is refused. */
  readonly maxQueued: number;
}

/** Somebody who waits for a connection. */
export interface Waiter {
  readonly tenantId: string;
  readonly share: TenantShare;
  /** When the wait began, in ms of the pool's clock. */
  readonly since: number;
  /** Whether a place beside others on one connection will do. */
  readonly shares: boolean;
}

interface Lane<W> {
  readonly tenantId: string;
  share: TenantShare;
  active: number;
  readonly waiting: W[];
}

/** So many lanes may stay though empty: to make one for each statement is a fifth of what lending a connection costs. */
const KEPT_LANES = 1_000;

/**
 * Who gets the next connection: tenants in turn, not requests in order, so that a tenant with a thousand requests in the
 * queue delays another one's by one turn. A tenant at its limit is passed over until it gives something back.
 */
export class FairQueue<W extends Waiter> {
  private readonly lanes = new Map<string, Lane<W>>();
  /** Lanes with somebody to serve now, the next one first. */
  private readonly turns = new Set<Lane<W>>();
  private waitingCount = 0;

  get waiting(): number {
    return this.waitingCount;
  }

  /** Whether anybody could be served if there were a connection. */
  get hasNext(): boolean {
    return this.turns.size > 0;
  }

  /**
   * How many connections those need who could be served now, counted no further than `most`.
   *
   * @param sharers how many of those who share have a place on one connection
   */
  connectionsNeeded(most: number, sharers: number): number {
    let alone = 0;
    let sharing = 0;
    for (const { waiting, share, active } of this.turns) {
      const served = Math.min(waiting.length, share.maxConcurrent - active);
      for (let place = 0; place < served; place += 1) {
        if (waiting[place]?.shares) sharing += 1;
        else alone += 1;
      }
      if (alone >= most) return most;
    }
    return Math.min(most, alone + Math.ceil(sharing / sharers));
  }

  /** When the wait of the next one to be served began; undefined when there is none. */
  get nextSince(): number | undefined {
    const [lane] = this.turns;
    return lane?.waiting[0]?.since;
  }

  /** Who would be served next. */
  peek(): W | undefined {
    if (this.turns.size === 0) return undefined;
    const [lane] = this.turns;
    return lane?.waiting[0];
  }

  /** Takes a place for somebody who need not wait; false when others are before them or the tenant is at its limit. */
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
    // Whoever waits for nothing but a connection that is being opened is within the tenant's limit, not in its queue.
    if (lane.active + lane.waiting.length >= maxConcurrent + maxQueued) {
      throw new TenantBusyError(lane.active, lane.waiting.length);
    }
    lane.waiting.push(waiter);
    this.waitingCount += 1;
    this.refresh(lane);
  }

  /** The next one in turn, who has their place from now on; give it back with `finish`. */
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

  /** Gives a place back. */
  finish(tenantId: string): void {
    const lane = this.lanes.get(tenantId);
    if (!lane) return;
    lane.active -= 1;
    this.refresh(lane);
  }

  /** Somebody stopped waiting; false when they are not waiting any more. */
  remove(waiter: W): boolean {
    const lane = this.lanes.get(waiter.tenantId);
    const position = lane?.waiting.indexOf(waiter) ?? -1;
    if (!lane || position < 0) return false;
    lane.waiting.splice(position, 1);
    this.waitingCount -= 1;
    this.refresh(lane);
    return true;
  }

  /** Everybody who waits, in no particular order. */
  all(): W[] {
    return [...this.lanes.values()].flatMap((lane) => lane.waiting);
  }

  /** Tenants for whom somebody waits. */
  waitingTenants(): string[] {
    return [...this.lanes.values()].filter((lane) => lane.waiting.length > 0).map((lane) => lane.tenantId);
  }

  /** Everybody who waits for one tenant; none of them does afterwards. */
  drainTenant(tenantId: string): W[] {
    const lane = this.lanes.get(tenantId);
    if (!lane) return [];
    const all = lane.waiting.splice(0);
    this.waitingCount -= all.length;
    this.refresh(lane);
    return all;
  }

  /** Everybody who waits; nobody waits afterwards. */
  drain(): W[] {
    const all = [...this.lanes.values()].flatMap((lane) => lane.waiting.splice(0));
    this.waitingCount = 0;
    for (const lane of [...this.lanes.values()]) this.refresh(lane);
    return all;
  }

  private lane(tenantId: string, share: TenantShare): Lane<W> {
    let lane = this.lanes.get(tenantId);
    if (!lane) this.lanes.set(tenantId, (lane = { tenantId, share, active: 0, waiting: [] }));
    lane.share = share;
    return lane;
  }

  /** A lane keeps its turn while it can be served, gets one at the end when it becomes so, and may be forgotten when empty. */
  private refresh(lane: Lane<W>): void {
    const servable = lane.waiting.length > 0 && lane.active < lane.share.maxConcurrent;
    if (servable) this.turns.add(lane);
    else this.turns.delete(lane);
    const isEmpty = lane.active === 0 && lane.waiting.length === 0;
    if (isEmpty && this.lanes.size > KEPT_LANES) this.lanes.delete(lane.tenantId);
  }
}
