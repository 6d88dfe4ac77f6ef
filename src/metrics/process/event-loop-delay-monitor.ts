import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Sampling interval. Recorded values include it. */
const RESOLUTION_MS = 10;
const WINDOW_MS = 15_000;

/** Delay in seconds. */
export interface EventLoopDelay {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

const NONE: EventLoopDelay = { mean: 0, p50: 0, p90: 0, p99: 0, max: 0 };

/**
 * Measures the event loop delay as the worse of two windows, the current and the previous one, so that every scraper
 * sees a delay. A histogram that is reset by each scrape would show it to the first scraper only.
 */
export class EventLoopDelayMonitor {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private previous = NONE;
  private windowStartedAt: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.windowStartedAt = now();
    this.histogram.enable();
  }

  /** Whether the first sample has been taken; delays before it are not recorded. */
  get hasSamples(): boolean {
    return this.histogram.count > 0;
  }

  delay(): EventLoopDelay {
    const current = delayIn(this.histogram);
    const worse = worseOf(current, this.previous);
    if (this.now() - this.windowStartedAt >= WINDOW_MS) this.startWindow(current);
    return worse;
  }

  stop(): void {
    this.histogram.disable();
  }

  private startWindow(finished: EventLoopDelay): void {
    this.windowStartedAt = this.now();
    this.previous = finished;
    this.histogram.reset();
  }
}

function delayIn(histogram: IntervalHistogram): EventLoopDelay {
  if (histogram.count === 0) return NONE;
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) / 1000;
  return {
    mean: seconds(histogram.mean),
    p50: seconds(histogram.percentile(50)),
    p90: seconds(histogram.percentile(90)),
    p99: seconds(histogram.percentile(99)),
    max: seconds(histogram.max),
  };
}

function worseOf(one: EventLoopDelay, other: EventLoopDelay): EventLoopDelay {
  return {
    mean: Math.max(one.mean, other.mean),
    p50: Math.max(one.p50, other.p50),
    p90: Math.max(one.p90, other.p90),
    p99: Math.max(one.p99, other.p99),
    max: Math.max(one.max, other.max),
  };
}
