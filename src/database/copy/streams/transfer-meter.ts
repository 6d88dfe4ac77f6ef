import { pause } from '../../table-migrations/locks/lock-retry.js';

const NEWLINE = 0x0a;
/** Much longer than it takes to empty the buffers between two servers. */
const SLICE_MS = 100;

/** How much of the servers a copy takes, which others use too. */
export interface CopyPace {
  /** On average since the first row, without what is compared at the end. No limit unless given. */
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
  /** When the first piece passed. */
  private startedAt: number | undefined;
  private workingSince = performance.now();
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
    this.startedAt ??= now;
    const limitMs = this.startedAt + (this.bytes / this.maxBytesPerSecond) * 1_000 - now;
    const restMs = now - this.workingSince < SLICE_MS ? 0 : this.restMs(now);
    const waitMs = Math.max(limitMs, restMs);
    if (waitMs > 0) this.workingSince = restMs > 0 ? now + waitMs : this.workingSince + waitMs;
    return waitMs;
  }

  /** Counts a piece, and waits until the pace allows for the next one. @throws the signal's reason */
  async wait(piece: Buffer, signal: AbortSignal): Promise<void> {
    const waitMs = this.count(piece);
    if (waitMs > 0) await pause(waitMs, signal);
  }

  /** Waits for what the work since the last wait has taken, of any kind. @throws the signal's reason */
  async rest(signal: AbortSignal): Promise<void> {
    const restMs = this.restMs(performance.now());
    if (restMs > 0) await pause(restMs, signal);
    this.workingSince = performance.now();
  }

  private restMs(now: number): number {
    return (now - this.workingSince) * (1 / this.workingShare - 1);
  }
}
