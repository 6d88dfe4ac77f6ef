/** So many at a time in any case, so that one that hangs does not keep the others out. */
const FEWEST = 2;
/** An opening that takes so many times what the fastest one took was kept waiting by others, or by a busy machine. */
const SLOW = 4;
/** What a slow one leaves of the number. */
const LESS = 0.7;
/** One that has been under way for longer keeps nobody out. */
const HANGING_MS = 1_000;

/** One connection on its way. */
export interface Opening {
  readonly since: number;
}

/**
 * How many connections to one server should be opened at a time, found out like TCP finds out how much a network bears:
 * one more for as long as they come quickly, and less when they become slow. To open one costs the server about 10 ms of
 * CPU; where that is scarce, many at a time delay each other, and every statement besides.
 */
export class ServerOpenings {
  private allowed = FEWEST;
  private fastestMs = Infinity;
  private readonly underWay = new Set<Opening>();

  constructor(
    private readonly now: () => number,
    /** Told after each one: there may be room for another. */
    private readonly onEnd: () => void,
  ) {}

  /** How many more should be opened now; below 0 when others than those who asked here are at it. */
  get room(): number {
    const hangingSince = this.now() - HANGING_MS;
    let count = 0;
    for (const { since } of this.underWay) if (since > hangingSince) count += 1;
    return Math.floor(this.allowed) - count;
  }

  begin(): Opening {
    const opening = { since: this.now() };
    this.underWay.add(opening);
    return opening;
  }

  /** @param isOpen whether there is a connection now: a failure says nothing of how quickly they come */
  end(opening: Opening, isOpen: boolean): void {
    this.underWay.delete(opening);
    if (isOpen) this.learn(this.now() - opening.since);
    this.onEnd();
  }

  private learn(ms: number): void {
    this.fastestMs = Math.min(this.fastestMs, ms);
    if (ms > SLOW * this.fastestMs) this.allowed = Math.max(FEWEST, this.allowed * LESS);
    else this.allowed += 1 / this.allowed;
  }
}
