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

/** Raised when the rows of a table differ between two places after they were copied or changes were applied. */
export class CopyMismatchError extends CodedError {
  readonly code = 'COPY_MISMATCH';

  /**
   * @param table bare name
   * @param rows at the place that was copied from
   * @param copied rows at the other place
   */
  constructor(
    readonly table: string,
    readonly rows: number,
    readonly copied: number,
  ) {
    super(`the copy of table "${table}" differs: ${rows} rows at the source, ${copied} at the destination`);
  }
}

/** Raised when the destination refuses rows: a value is taken, a constraint is not met, tables differ. */
export class CopyRefusedError extends CodedError {
  readonly code = 'COPY_REFUSED';

  /**
   * PostgreSQL's own error is not the cause, because it quotes rows.
   *
   * @param table bare name, where PostgreSQL says which
   */
  constructor(
    readonly table: string | undefined,
    readonly sqlState: string | undefined,
    readonly constraint: string | undefined,
  ) {
    const what = constraint === undefined ? `SQLSTATE ${sqlState}` : `constraint "${constraint}", ${sqlState}`;
    super(`the rows of ${table === undefined ? 'a table' : `table "${table}"`} cannot be written there: ${what}`);
  }
}

/** Raised when the two places do not fit: they are the same, or a table is at one of them only. */
export class CopyPlacesError extends CodedError {
  readonly code = 'COPY_PLACES';

  constructor(reason: string) {
    super(`cannot copy: ${reason}`);
  }
}

/** Raised when the application's mask of a column fails; neither the value nor the mask's own error is quoted. */
export class MaskFailedError extends CodedError {
  readonly code = 'MASK_FAILED';

  /** @param what what the mask does, such as `throws an error` */
  constructor(
    readonly table: string,
    readonly column: string,
    what: string,
  ) {
    super(`the mask of column "${column}" of table "${table}" ${what}`);
  }
}
