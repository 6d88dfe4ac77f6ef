import { histogram, type Labels, type Sample } from './reported-metric.js';

export const DURATION_BOUNDS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * What a route has answered, and how long that took. prom-client's own counters look their series up by a text that they
 * make of the labels, for each request.
 */
export class RouteCounters {
  private readonly statuses = new Map<number, number>();
  private readonly durations = DURATION_BOUNDS_SECONDS.map(() => 0).concat(0);
  private seconds = 0;

  constructor(private readonly labels: Labels) {}

  record(status: number, seconds: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    const bucket = DURATION_BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    this.durations[bucket < 0 ? DURATION_BOUNDS_SECONDS.length : bucket]! += 1;
    this.seconds += seconds;
  }

  answered(): Sample[] {
    return [...this.statuses].map(([status, value]) => ({ labels: { ...this.labels, status: String(status) }, value }));
  }

  duration(name: string): Sample[] {
    return histogram(name, this.labels, DURATION_BOUNDS_SECONDS, this.durations, this.seconds);
  }
}
