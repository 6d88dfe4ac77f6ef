/** A group of metrics that takes one snapshot per scrape, so that its values are consistent. */
export interface MetricsSource {
  refresh(): void;
}
