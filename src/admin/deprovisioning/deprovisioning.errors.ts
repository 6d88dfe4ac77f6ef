import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when what shall be removed is not one tenant's: a name of another shape, or something that others made. */
export class DeprovisioningRefusedError extends CodedError {
  readonly code = 'REMOVAL_REFUSED';

  constructor(reason: string) {
    super(`not removed: ${reason}`);
  }
}

/** Raised when a tenant still has rows after its removal: somebody writes them, or a trigger keeps or makes them. */
export class RowsLeftError extends CodedError {
  readonly code = 'ROWS_LEFT';

  /** `tables` are quoted and with their schema: for the log and for operators. */
  constructor(
    readonly tables: readonly string[],
    readonly rows: number,
  ) {
    super(`the tenant still has ${rows} rows in ${tables.length} tables`);
  }
}
