import type { Bar } from './bars.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface Periods {
  readonly by: 'hour' | 'day';
  readonly count: number;
}

/** The beginning of the first of the last periods, of UTC, of which the present one is the last. */
export function beginningOf({ by, count }: Periods, now = Date.now()): string {
  const length = by === 'hour' ? HOUR_MS : DAY_MS;
  return new Date(Math.floor(now / length) * length - (count - 1) * length).toISOString();
}

/** A bar per period from `from` on, also for those without figures, which the API leaves out. */
export function barsOf<T extends { readonly at: string }>(
  { by, count }: Periods,
  from: string,
  items: readonly T[],
  bar: (item: T) => Omit<Bar, 'label'>,
): Bar[] {
  const length = by === 'hour' ? HOUR_MS : DAY_MS;
  const found = new Map(items.map((item) => [Date.parse(item.at), item]));
  return Array.from({ length: count }, (_, index) => {
    const at = Date.parse(from) + index * length;
    const item = found.get(at);
    const label = by === 'hour' ? new Date(at).toLocaleString() : new Date(at).toISOString().slice(0, 10);
    return item ? { label, ...bar(item) } : { label, value: 0 };
  });
}
