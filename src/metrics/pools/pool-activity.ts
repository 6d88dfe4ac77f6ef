import type { PoolSnapshot } from '../../database/pool/pool-statistics.js';
import { createHash } from 'node:crypto';
import {
  addTo,
  emptyCounters,
  increaseSince,
  isUnchanged,
  type PoolCounters,
  countersOf,
  activityIn,
} from './pool-counters.js';
import { TopSeries } from '../series/top-series.js';

const HASH_LENGTH = 4;

/** Current state of one series: one target, or the sum of all targets without their own series. */
export interface PoolState {
  busy: number;
  idle: number;
  /** Being opened, validated or closed. */
  pending: number;
  waiting: number;
  readonly breakers: Record<PoolSnapshot['breaker'], number>;
}

/** Label of a target's pool, and its counters at the last update. */
interface KnownPool {
  readonly label: string;
  counters: PoolCounters;
}

/** Aggregates the pools of all targets into a few series: one per busiest target, and one for all others. */
export class PoolActivity {
  private readonly known = new Map<string, KnownPool>();
  private readonly series: TopSeries<number[]>;
  private currentStates = new Map<string, PoolState>();

  constructor(now?: () => number) {
    this.series = new TopSeries(emptyCounters, now);
  }

  /** Adds what has happened since the last update. */
  update(pools: readonly PoolSnapshot[]): void {
    for (const pool of pools) this.count(pool);
    this.currentStates = new Map(this.series.entries().map(([label]) => [label, emptyState()]));
    for (const pool of pools) {
      const state = this.currentStates.get(this.series.labelOf(this.knownPool(pool).label));
      if (state) addState(state, pool);
    }
  }

  /** Totals per label since the first update. */
  counters(): (readonly [string, PoolCounters])[] {
    return this.series.entries();
  }

  /** Current state per label, as of the last update. */
  states(): (readonly [string, PoolState])[] {
    return [...this.currentStates];
  }

  private count(pool: PoolSnapshot): void {
    const known = this.knownPool(pool);
    if (isUnchanged(pool, known.counters)) return void this.series.countsFor(known.label, 0);
    const counters = countersOf(pool);
    const increase = increaseSince(known.counters, counters);
    known.counters = counters;
    addTo(this.series.countsFor(known.label, activityIn(increase)), increase);
  }

  private knownPool({ target }: PoolSnapshot): KnownPool {
    let known = this.known.get(target);
    if (!known) this.known.set(target, (known = { label: targetLabel(target), counters: emptyCounters() }));
    return known;
  }
}

function emptyState(): PoolState {
  return { busy: 0, idle: 0, pending: 0, waiting: 0, breakers: { closed: 0, open: 0, 'half-open': 0 } };
}

function addState(state: PoolState, { total, busy, idle, waiting, breaker, isReplica }: PoolSnapshot): void {
  state.busy += busy;
  state.idle += idle;
  // A connection lost while checked out still counts as busy, but no longer in the total.
  state.pending += Math.max(0, total - busy - idle);
  state.waiting += waiting;
  if (!isReplica) state.breakers[breaker] += 1; // a replica that is away takes no tenant's rows with it
}

/**
 * Short label of a target: its database, and a hash of server and role, because every server has a shared database of
 * the same name. Reveals neither host nor role.
 *
 * @param target `role@host:port/database`
 */
export function targetLabel(target: string): string {
  const end = target.lastIndexOf('/');
  const hash = createHash('sha256').update(target.slice(0, end)).digest('hex').slice(0, HASH_LENGTH);
  return `${target.slice(end + 1)}-${hash}`;
}
