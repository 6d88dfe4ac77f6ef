const SAMPLES = 4;

/** How long the last few answers took. Their minimum counts, because slower ones may have waited for this process. */
export class RecentLatency {
  private readonly samples: number[] = [];

  /** In ms; 0 before the first answer. */
  get typicalMs(): number {
    return this.samples.length === 0 ? 0 : Math.min(...this.samples);
  }

  add(tookMs: number): void {
    this.samples.push(tookMs);
    if (this.samples.length > SAMPLES) this.samples.shift();
  }
}
