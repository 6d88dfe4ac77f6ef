import type { PoolSnapshot } from '../../database/pool/pool-snapshot.js';
import { addTo, emptyCounters, growth, isUnchanged, type PoolCounters, countersOf, workIn } from './pool-counters.js';
import { targetLabel } from './target-label.js';
import { TopSeries } from '../series/top-series.js';

/** What one series shows of the moment: of one target, or summed over all that have no series of their own. */
export interface PoolState {
  busy: number;
  idle: number;
  /** Being opened, looked at or closed. */
  pending: number;
  waiting: number;
  readonly breakers: Record<PoolSnapshot['breaker'], number>;
}

/** What was seen of one target's pool, and the name it goes by. */
interface Seen {
  readonly label: string;
  tally: PoolCounters;
}

/** The pools of all targets as a few series: each of the busiest targets, and all others together. */
export class PoolActivity {
  private readonly seen = new Map<string, Seen>();
  private readonly series: TopSeries<number[]>;
  private states = new Map<string, PoolState>();

  constructor(now?: () => number) {
    this.series = new TopSeries(emptyCounters, now);
  }

  /** Counts what has happened since the last time. */
  update(pools: readonly PoolSnapshot[]): void {
    for (const pool of pools) this.count(pool);
    this.states = new Map(this.series.entries().map(([label]) => [label, emptyState()]));
    for (const pool of pools) {
      const state = this.states.get(this.series.labelOf(this.seenOf(pool).label));
      if (state) addState(state, pool);
    }
  }

  /** Since this process began to look. */
  counts(): (readonly [string, PoolCounters])[] {
    return this.series.entries();
  }

  now(): (readonly [string, PoolState])[] {
    return [...this.states];
  }

  private count(pool: PoolSnapshot): void {
    const seen = this.seenOf(pool);
    if (isUnchanged(pool, seen.tally)) return void this.series.of(seen.label, 0);
    const tally = countersOf(pool);
    const grown = growth(tally, seen.tally);
    seen.tally = tally;
    addTo(this.series.of(seen.label, workIn(grown)), grown);
  }

  private seenOf({ target }: PoolSnapshot): Seen {
    let seen = this.seen.get(target);
    if (!seen) this.seen.set(target, (seen = { label: targetLabel(target), tally: emptyCounters() }));
    return seen;
  }
}

function emptyState(): PoolState {
  return { busy: 0, idle: 0, pending: 0, waiting: 0, breakers: { closed: 0, open: 0, 'half-open': 0 } };
}

function addState(state: PoolState, { total, busy, idle, waiting, breaker }: PoolSnapshot): void {
  state.busy += busy;
  state.idle += idle;
  state.pending += Math.max(0, total - busy - idle); // what was lost while lent is busy still, and gone already
  state.waiting += waiting;
  state.breakers[breaker] += 1;
}
