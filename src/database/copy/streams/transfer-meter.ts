import { setTimeout as delay } from 'node:timers/promises';

const NEWLINE = 0x0a;
/** Long beside the time in which the buffers between two servers are emptied. */
const SLICE_MS = 100;

/** How much of the servers a copy takes, which others use too. */
export interface CopyPace {
  /** On average over the copy, without what is compared at its end. No limit unless given. */
  readonly maxBytesPerSecond?: number;
  /** The part of its time in which a copy works: it rests for the others. Above 0; default 1, without rests. */
  readonly workingShare?: number;
}

/** Tenants of the same servers notice such a copy little, and it takes twice as long. */
export const CONSIDERATE = { workingShare: 0.5 } as const satisfies CopyPace;

/** By the names that operators give them. */
export const COPY_PACES = { considerate: CONSIDERATE, full: { workingShare: 1 } } as const;

/** Counts what passes during a copy, and how long it should wait. */
export class TransferMeter {
  private bytes = 0;
  private rows = 0;
  private readonly startedAt = performance.now();
  private workingSince = this.startedAt;
  private readonly maxBytesPerSecond: number;
  private readonly workingShare: number;

  constructor(
    private readonly onRows: (rows: number) => void,
    { maxBytesPerSecond = Infinity, workingShare = 1 }: CopyPace = {},
  ) {
    this.maxBytesPerSecond = maxBytesPerSecond;
    this.workingShare = workingShare;
  }

  /** Whether it rests: then one server at a time works for the copy, where that is possible. */
  get isConsiderate(): boolean {
    return this.workingShare < 1;
  }

  /**
   * Counts a piece of COPY's text format, in which every row ends in a line break, and no value contains one.
   *
   * @returns how many ms to wait before the next piece
   */
  count(piece: Buffer): number {
    this.bytes += piece.length;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) this.rows += 1;
    this.onRows(this.rows);
    const now = performance.now();
    const limitMs = this.startedAt + (this.bytes / this.maxBytesPerSecond) * 1_000 - now;
    const restMs = now - this.workingSince < SLICE_MS ? 0 : this.restMs(now);
    const waitMs = Math.max(limitMs, restMs);
    if (waitMs > 0) this.workingSince = now + waitMs;
    return waitMs;
  }

  /** Counts a piece, and waits until the pace allows for the next one. @throws the signal's reason */
  async wait(piece: Buffer, signal: AbortSignal): Promise<void> {
    await wait(this.count(piece), signal);
  }

  /** Waits for what the work since the last wait has taken, of any kind. @throws the signal's reason */
  async rest(signal: AbortSignal): Promise<void> {
    await wait(this.restMs(performance.now()), signal);
    this.workingSince = performance.now();
  }

  private restMs(now: number): number {
    return (now - this.workingSince) * (1 / this.workingShare - 1);
  }
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal });
}
