import { type PoolSnapshot, WAIT_BUCKETS_MS } from '../../database/pool/pool-statistics.js';
import type { CloseReason } from '../../database/connection/physical-connection.js';

/**
 * Counters of a pool as an array of numbers. Thousands of pools may be compared per scrape, which takes ten times as
 * long with named properties.
 */
export type PoolCounters = readonly number[];

const EVENTS = ['opened', 'openFailures', 'timeouts', 'refused', 'fallbacks', 'resent'] as const;
export type PoolEvent = (typeof EVENTS)[number];

const CLOSE_REASONS = Object.keys({
  recycled: true,
  overflow: true,
  discarded: true,
  lost: true,
  unanswering: true,
  'server-limit': true,
  ending: true,
  unused: true,
  direct: true,
  expired: true,
  cut: true,
} satisfies Record<CloseReason, true>) as CloseReason[];

// Layout: events, connections closed by reason, total wait in ms, callers served by wait bucket.
const CLOSED_AT = EVENTS.length;
const WAITED_AT = CLOSED_AT + CLOSE_REASONS.length;
const WAITS_AT = WAITED_AT + 1;
const LENGTH = WAITS_AT + WAIT_BUCKETS_MS.length + 1;

/** A failed caller counts as a hundred served ones, so that failing targets get their own series. */
const FAILURE_WEIGHT = 100;
const FAILURES: readonly PoolEvent[] = ['openFailures', 'timeouts', 'refused', 'fallbacks'];

export function emptyCounters(): number[] {
  return Array.from({ length: LENGTH }, () => 0);
}

export function countersOf(pool: PoolSnapshot): PoolCounters {
  const { closed, waits } = pool;
  const counters: number[] = [];
  for (const event of EVENTS) counters.push(pool[event]);
  for (const reason of CLOSE_REASONS) counters.push(closed[reason] ?? 0);
  counters.push(waits.totalMs, ...waits.counts);
  return counters;
}

/** Whether the counters are still current. Usually they are, and no new array is allocated. */
export function isUnchanged(pool: PoolSnapshot, counters: PoolCounters): boolean {
  const { closed, waits } = pool;
  return (
    EVENTS.every((event, index) => pool[event] === counters[index]) &&
    CLOSE_REASONS.every((reason, index) => (closed[reason] ?? 0) === counters[CLOSED_AT + index]) &&
    waits.counts.every((count, index) => count === counters[WAITS_AT + index])
  );
}

/** The increase since `previous`. A counter that decreased means that the pool was replaced; then everything counts. */
export function increaseSince(previous: PoolCounters, current: PoolCounters): PoolCounters {
  const increase = current.map((count, index) => count - previous[index]!);
  return increase.some((count) => count < 0) ? current : increase;
}

export function addTo(sum: number[], counters: PoolCounters): void {
  counters.forEach((count, index) => (sum[index]! += count));
}

export function eventsIn(counters: PoolCounters, event: PoolEvent): number {
  return counters[EVENTS.indexOf(event)] ?? 0;
}

/** Connections closed, by reason. */
export function closedIn(counters: PoolCounters): (readonly [CloseReason, number])[] {
  return CLOSE_REASONS.map((reason, index) => [reason, counters[CLOSED_AT + index] ?? 0]);
}

/** Total time that callers waited, in ms. */
export function waitedIn(counters: PoolCounters): number {
  return counters[WAITED_AT] ?? 0;
}

/** Callers that got a connection, by wait bucket; one more bucket than there are bounds. */
export function waitsIn(counters: PoolCounters): readonly number[] {
  return counters.slice(WAITS_AT);
}

/** Score by which the busiest targets are chosen. */
export function activityIn(counters: PoolCounters): number {
  let activity = 0;
  for (let index = WAITS_AT; index < LENGTH; index += 1) activity += counters[index]!;
  for (const event of FAILURES) activity += FAILURE_WEIGHT * eventsIn(counters, event);
  return activity;
}
