const NEWLINE = 0x0a;

/**
 * Puts a first field in front of each row of COPY's text format, piece by piece. A line break ends a row; no value contains one.
 */
export class RowPrefix {
  private readonly field: Buffer;
  private isAtStart = true;

  /** @param value without characters that the format escapes */
  constructor(value: string) {
    this.field = Buffer.from(`${value}\t`);
  }

  add(piece: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let start = 0; start < piece.length;) {
      if (this.isAtStart) parts.push(this.field);
      const newline = piece.indexOf(NEWLINE, start);
      const end = newline === -1 ? piece.length : newline + 1;
      parts.push(piece.subarray(start, end));
      this.isAtStart = newline !== -1;
      start = end;
    }
    return Buffer.concat(parts);
  }
}
