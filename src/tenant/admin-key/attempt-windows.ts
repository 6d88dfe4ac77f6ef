/** Attempts of one kind within a minute. */
interface Window<Attempt> {
  readonly timer: NodeJS.Timeout;
  /** Attempts that are not written yet. */
  pending: number;
  last: Attempt;
  /** Whether an entry was written before the end of the minute. */
  isReported: boolean;
}

const WINDOW_MS = 60_000;
const OTHERS = Symbol('others');

/** Counts attempts, so that what records them cannot be flooded: one entry per kind and minute, and one at once. */
export class AttemptWindows<Attempt> {
  private readonly windows = new Map<string | typeof OTHERS, Window<Attempt>>();

  /**
   * @param maxKinds kinds with entries of their own per minute; the attempts of further ones are counted together
   * @param write must not reject
   */
  constructor(
    private readonly maxKinds: number,
    private readonly write: (last: Attempt, times: number, isOthers: boolean) => Promise<void>,
  ) {}

  /** @param isUrgent whether to write an entry before the minute is over, once */
  record(kind: string, attempt: Attempt, isUrgent: boolean): void {
    const key = this.windows.has(kind) || this.windows.size < this.maxKinds ? kind : OTHERS;
    const window = this.windows.get(key) ?? this.open(key, attempt);
    window.pending += 1;
    window.last = attempt;
    if (!isUrgent || window.isReported) return;
    window.isReported = true;
    void this.report(key, window);
  }

  /** Writes what is not written yet. */
  async writeAll(): Promise<void> {
    await Promise.all([...this.windows.keys()].map((key) => this.close(key)));
  }

  private open(key: string | typeof OTHERS, last: Attempt): Window<Attempt> {
    const timer = setTimeout(() => void this.close(key), WINDOW_MS).unref();
    const window = { timer, pending: 0, last, isReported: false };
    this.windows.set(key, window);
    return window;
  }

  private async close(key: string | typeof OTHERS): Promise<void> {
    const window = this.windows.get(key);
    if (!window) return;
    this.windows.delete(key);
    clearTimeout(window.timer);
    if (window.pending > 0) await this.report(key, window);
  }

  private report(key: string | typeof OTHERS, window: Window<Attempt>): Promise<void> {
    const times = window.pending;
    window.pending = 0;
    return this.write(window.last, times, key === OTHERS);
  }
}
