import type { ColumnMask } from '../../table-migrations/tenant-schema/column-masks.js';
import { MaskFailedError } from '../copy.errors.js';
import { decodeField, encodeField, FIELD_END, ROW_END } from './copy-text.js';

/** A column whose values are replaced. */
export interface MaskedColumn {
  readonly table: string;
  readonly column: string;
  readonly mask: ColumnMask;
}

/**
 * Replaces the values of masked columns in COPY's text format; other fields pass as they are. Pieces may end anywhere in a row:
 * what is left of one waits for the next piece, so that at most one row is held.
 */
export class RowMasking {
  private rest: Buffer[] = [];
  private readonly last: number;

  /** @param columns by their position in a row */
  constructor(private readonly columns: ReadonlyMap<number, MaskedColumn>) {
    this.last = Math.max(...columns.keys());
  }

  /** The rows that end in this piece, masked. @throws MaskFailedError */
  mask(piece: Buffer): Buffer {
    const end = piece.lastIndexOf(ROW_END) + 1;
    if (end === 0) {
      this.rest.push(piece);
      return Buffer.alloc(0);
    }
    const rows = Buffer.concat([...this.rest, piece.subarray(0, end)]);
    this.rest = end < piece.length ? [piece.subarray(end)] : [];
    return this.maskRows(rows);
  }

  private maskRows(rows: Buffer): Buffer {
    const parts: Buffer[] = [];
    let kept = 0; // everything before is in the parts
    for (let start = 0; start < rows.length;) {
      for (let position = 0; position <= this.last; position += 1) {
        const end = fieldEnd(rows, start);
        const masked = this.columns.get(position);
        if (masked) {
          const field = rows.toString('utf8', start, end);
          parts.push(rows.subarray(kept, start), Buffer.from(maskField(field, masked)));
          kept = end;
        }
        start = end + 1;
        if (rows[end] === ROW_END) break;
      }
      if (rows[start - 1] !== ROW_END) start = rows.indexOf(ROW_END, start) + 1;
    }
    parts.push(rows.subarray(kept));
    return Buffer.concat(parts);
  }
}

function fieldEnd(rows: Buffer, start: number): number {
  let end = start;
  while (rows[end] !== FIELD_END && rows[end] !== ROW_END) end += 1;
  return end;
}

function maskField(field: string, { table, column, mask }: MaskedColumn): string {
  const text = decodeField(field);
  if (text === null) return field;
  let masked: unknown;
  try {
    masked = mask(text);
  } catch {
    // Its message may quote the value.
    throw new MaskFailedError(table, column, 'throws an error');
  }
  if (masked !== null && typeof masked !== 'string') {
    throw new MaskFailedError(table, column, 'returns neither a text nor null');
  }
  return encodeField(masked);
}
