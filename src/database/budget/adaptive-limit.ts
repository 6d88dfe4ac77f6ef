import { runWithoutContext } from '../../platform/run-without-context.js';

/** Delay before the limit is raised by one; it doubles with each refusal in a row. */
const MIN_DELAY_MS = 250;
const MAX_DELAY_MS = 2_000;

/**
 * A limit of connections that gives way to the server. A refused connection lowers it to what is open already; then it
 * rises by one at a time, up to the configured limit, or until a connection is refused again.
 */
export class AdaptiveLimit {
  private lowered = Infinity;
  private delayMs = MIN_DELAY_MS;
  /** Steps since the last refusal. */
  private steps = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private configuredMax: number,
    /** Called after each step: another connection may be tried. */
    private readonly onRaised: () => void,
    /** Connections to give up in addition, for the connections of others. */
    private readonly headroom = 0,
  ) {}

  get configured(): number {
    return this.configuredMax;
  }

  set configured(max: number) {
    this.configuredMax = max;
  }

  get current(): number {
    return Math.min(this.configuredMax, this.lowered);
  }

  /** Whether a connection has been refused, and the limit is not yet what it was configured as. */
  get isLowered(): boolean {
    return this.lowered < this.configuredMax;
  }

  /** @param held how many connections there are without the refused one */
  lower(held: number): void {
    this.lowered = Math.min(this.lowered, Math.max(held - this.headroom, Math.min(held, 1)));
    const isFirst = this.timer === undefined;
    if (!isFirst && this.steps === 0) return; // refused at the same time as another one
    this.delayMs = isFirst ? MIN_DELAY_MS : Math.min(MAX_DELAY_MS, this.delayMs * 2);
    this.steps = 0;
    this.schedule();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lowered = Infinity;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = runWithoutContext(() => setTimeout(() => this.raise(), this.delayMs).unref());
  }

  private raise(): void {
    this.lowered += 1;
    this.steps += 1;
    // Beyond the level of the refusal, the server has room again.
    if (this.steps > this.headroom + 1) this.delayMs = Math.max(MIN_DELAY_MS, this.delayMs / 2);
    if (this.isLowered) this.schedule();
    else this.stop();
    this.onRaised();
  }
}
