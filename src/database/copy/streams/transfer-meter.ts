import { setTimeout as delay } from 'node:timers/promises';

const NEWLINE = 0x0a;

/** Counts what passes during a copy, and how long it should wait for the rate limit. */
export class TransferMeter {
  private bytes = 0;
  private rows = 0;
  private readonly startedAt = performance.now();

  /** @param maxBytesPerSecond over the whole copy; no limit unless given */
  constructor(
    private readonly onRows: (rows: number) => void,
    private readonly maxBytesPerSecond = Infinity,
  ) {}

  /**
   * Counts a piece of COPY's text format, in which every row ends in a line break, and no value contains one.
   *
   * @returns how many ms to wait before the next piece
   */
  count(piece: Buffer): number {
    this.bytes += piece.length;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) this.rows += 1;
    this.onRows(this.rows);
    return this.startedAt + (this.bytes / this.maxBytesPerSecond) * 1_000 - performance.now();
  }

  /** Counts a piece, and waits until the rate limit allows for it. @throws the signal's reason */
  async wait(piece: Buffer, signal: AbortSignal): Promise<void> {
    const waitMs = this.count(piece);
    if (waitMs > 0) await delay(waitMs, undefined, { signal });
  }
}
