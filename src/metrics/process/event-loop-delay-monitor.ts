import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at. What is recorded includes it. */
const RESOLUTION_MS = 10;
const WINDOW_MS = 15_000;

/** Late by how much, in seconds. */
export interface EventLoopDelay {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

const NONE: EventLoopDelay = { mean: 0, p50: 0, p90: 0, p99: 0, max: 0 };

/**
 * How late the event loop runs what is due: the worse of two windows, the one under way and the one before it. So two
 * who scrape in turn both see a delay; a histogram that each scrape empties shows it to the first one only.
 */
export class EventLoopWatch {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private previous = NONE;
  private turnedAt: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.turnedAt = now();
    this.histogram.enable();
  }

  /** Whether it has looked once: what happens before that is not seen. */
  get hasBegun(): boolean {
    return this.histogram.count > 0;
  }

  delay(): EventLoopDelay {
    const current = delayIn(this.histogram);
    const worse = worseOf(current, this.previous);
    if (this.now() - this.turnedAt >= WINDOW_MS) this.turn(current);
    return worse;
  }

  stop(): void {
    this.histogram.disable();
  }

  private turn(current: EventLoopDelay): void {
    this.turnedAt = this.now();
    this.previous = current;
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
