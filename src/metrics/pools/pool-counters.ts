import type { PoolSnapshot } from '../../database/pool/pool-snapshot.js';
import type { CloseReason } from '../../database/connection/physical-connection.js';
import { WAIT_BUCKETS_MS } from '../../database/pool/wait-histogram.js';

/**
 * What happened to a pool, as a row of numbers: there may be thousands of pools, all looked at in one go, and with names
 * in it that takes ten times as long.
 */
export type PoolCounters = readonly number[];

const EVENTS = ['opened', 'openFailures', 'timeouts', 'refused', 'fallbacks'] as const;
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
  cut: true,
} satisfies Record<CloseReason, true>) as CloseReason[];

// The row: events, closed by reason, time waited in ms, callers served by how long they waited.
const CLOSED_AT = EVENTS.length;
const WAITED_AT = CLOSED_AT + CLOSE_REASONS.length;
const WAITS_AT = WAITED_AT + 1;
const LENGTH = WAITS_AT + WAIT_BUCKETS_MS.length + 1;

/** A caller who got nothing says more about a target than a hundred who did: a target in trouble is one to look at. */
const WEIGHT_OF_TROUBLE = 100;
const TROUBLES: readonly PoolEvent[] = ['openFailures', 'timeouts', 'refused', 'fallbacks'];

export function emptyCounters(): number[] {
  return Array.from({ length: LENGTH }, () => 0);
}

export function countersOf(pool: PoolSnapshot): PoolCounters {
  const { closed, waits } = pool;
  const tally: number[] = [];
  for (const event of EVENTS) tally.push(pool[event]);
  for (const reason of CLOSE_REASONS) tally.push(closed[reason] ?? 0);
  tally.push(waits.totalMs, ...waits.counts);
  return tally;
}

/** Whether nothing has happened since: as a rule, and then no row is made. */
export function isUnchanged(pool: PoolSnapshot, tally: PoolCounters): boolean {
  const { closed, waits } = pool;
  return (
    EVENTS.every((event, index) => pool[event] === tally[index]) &&
    CLOSE_REASONS.every((reason, index) => (closed[reason] ?? 0) === tally[CLOSED_AT + index]) &&
    waits.counts.every((count, index) => count === tally[WAITS_AT + index])
  );
}

/** What happened since `before`: all of it when the pool is a new one, which a count that fell gives away. */
export function growth(now: PoolCounters, before: PoolCounters): PoolCounters {
  const since = now.map((count, index) => count - before[index]!);
  return since.some((count) => count < 0) ? now : since;
}

export function addTo(sum: number[], more: PoolCounters): void {
  more.forEach((count, index) => (sum[index]! += count));
}

export function eventsIn(tally: PoolCounters, event: PoolEvent): number {
  return tally[EVENTS.indexOf(event)] ?? 0;
}

/** Connections closed, by reason. */
export function closedIn(tally: PoolCounters): (readonly [CloseReason, number])[] {
  return CLOSE_REASONS.map((reason, index) => [reason, tally[CLOSED_AT + index] ?? 0]);
}

/** Time that callers waited, in ms. */
export function waitedIn(tally: PoolCounters): number {
  return tally[WAITED_AT] ?? 0;
}

/** Callers who got a connection, by how long they waited: one more than there are bounds. */
export function waitsIn(tally: PoolCounters): readonly number[] {
  return tally.slice(WAITS_AT);
}

/** How much a target was used. */
export function workIn(tally: PoolCounters): number {
  let work = 0;
  for (let index = WAITS_AT; index < LENGTH; index += 1) work += tally[index]!;
  for (const event of TROUBLES) work += WEIGHT_OF_TROUBLE * eventsIn(tally, event);
  return work;
}
