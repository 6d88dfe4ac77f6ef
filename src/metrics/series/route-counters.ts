import { histogram, type Labels, type Sample } from './reported-metric.js';

const DURATION_BOUNDS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * Counts the requests of a route by status and duration. prom-client's own counters build a string from the labels to
 * find their series, for every request.
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

  requests(): Sample[] {
    return [...this.statuses].map(([status, value]) => ({ labels: { ...this.labels, status: String(status) }, value }));
  }

  duration(name: string): Sample[] {
    return histogram(name, this.labels, DURATION_BOUNDS_SECONDS, this.durations, this.seconds);
  }
}
