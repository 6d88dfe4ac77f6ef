/** Openings always allowed at a time, so that one that hangs does not block the others. */
const MIN_CONCURRENT = 2;
/** An opening that takes this many times as long as the fastest one was delayed by others, or by a busy machine. */
const SLOW_FACTOR = 4;
/** What a slow opening multiplies the allowed number by. */
const BACKOFF_FACTOR = 0.7;
/** An opening in progress for longer counts as hanging, and no longer blocks others. */
const HANGING_MS = 1_000;

/** A connection being opened. */
export interface Opening {
  readonly since: number;
}

/**
 * How many connections to one server should be opened at a time, found the way TCP finds a network's capacity: one more
 * while connections open quickly, fewer when they become slow. Opening one costs the server about 10 ms of CPU; where
 * CPU is scarce, many at a time delay each other and every running statement.
 */
export class ServerOpenings {
  private allowed = MIN_CONCURRENT;
  private fastestMs = Infinity;
  private readonly inProgress = new Set<Opening>();

  constructor(
    private readonly now: () => number,
    /** Called after each opening: there may be room for another. */
    private readonly onEnd: () => void,
  ) {}

  /** How many more should be opened now; negative when openings that did not check `room` exceed the allowed number. */
  get room(): number {
    const hangingSince = this.now() - HANGING_MS;
    let count = 0;
    for (const { since } of this.inProgress) if (since > hangingSince) count += 1;
    return Math.floor(this.allowed) - count;
  }

  begin(): Opening {
    const opening = { since: this.now() };
    this.inProgress.add(opening);
    return opening;
  }

  /** @param isOpen whether the connection was opened: a failure is no measure of speed */
  end(opening: Opening, isOpen: boolean): void {
    this.inProgress.delete(opening);
    if (isOpen) this.adjust(this.now() - opening.since);
    this.onEnd();
  }

  private adjust(elapsedMs: number): void {
    this.fastestMs = Math.min(this.fastestMs, elapsedMs);
    if (elapsedMs > SLOW_FACTOR * this.fastestMs)
      this.allowed = Math.max(MIN_CONCURRENT, this.allowed * BACKOFF_FACTOR);
    else this.allowed += 1 / this.allowed;
  }
}
