import type { Metric, Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** When it differs from the metric's name: a histogram's `_bucket`, `_sum` and `_count`. */
  readonly metricName?: string;
}

/** A metric whose values are kept elsewhere and read at each scrape. */
export interface ReportedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly read: () => readonly Sample[];
}

/** Registers the metric. prom-client's own classes store their values themselves and do not accept finished buckets. */
export function registerMetric(registry: Registry, { read, ...description }: ReportedMetric): void {
  const metric = {
    ...description,
    aggregator: 'sum',
    get: async () => ({ ...description, values: read() }), // the only method a registry calls
  };
  registry.registerMetric(metric as unknown as Metric);
}

/**
 * Builds one series of a histogram from counts per bucket.
 *
 * @param counts not cumulative; one more than there are bounds
 */
export function histogram(
  name: string,
  labels: Labels,
  bounds: readonly number[],
  counts: readonly number[],
  sum: number,
): Sample[] {
  let count = 0;
  const buckets = counts.map((inBucket, index) => {
    count += inBucket;
    const le = index < bounds.length ? String(bounds[index]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
