import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when rows are left after their deletion: a client inserts them, or a trigger keeps or creates them. */
export class RowsLeftError extends CodedError {
  readonly code = 'ROWS_LEFT';

  /** @param tables quoted, with their schema: for the log and for operators */
  constructor(
    readonly tables: readonly string[],
    readonly rows: number,
  ) {
    super(`the tenant still has ${rows} rows in ${tables.length} tables`);
  }
}
