/** A part of the metrics that looks at what it describes before each scrape, so that all its figures are of one moment. */
export interface MetricsSource {
  refresh(): void;
}
