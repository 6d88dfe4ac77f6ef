export const LATENCY_SAMPLES = 6;

/** How long the last few answers took. Their minimum counts, because slower ones may have waited for this process. */
export class RecentLatency {
  private readonly samples: number[] = [];

  /** In ms; 0 while there are too few answers to tell. */
  get typicalMs(): number {
    return this.samples.length < LATENCY_SAMPLES ? 0 : Math.min(...this.samples);
  }

  add(tookMs: number): void {
    this.samples.push(tookMs);
    if (this.samples.length > LATENCY_SAMPLES) this.samples.shift();
  }
}
