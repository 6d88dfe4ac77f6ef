import type pg from 'pg';

const INTEGRITY_VIOLATION = /^23/;
/** The number of a shard behind the name of a table or constraint. */
const CONSTRAINT = /\bconstraint "([^"]+)_\d+"/;
const TABLE = /\b(?:relation|table) "([^"]+)_\d+"/;
const COLUMN = /\bcolumn "([^"]+)"/;

/**
 * Gives the error of a violated constraint the fields that Citus does not pass on from its workers: `constraint`, `table` and
 * `column`, from the message, without the shard's number. A worker reports in English only as far as `lc_messages` says so;
 * names that Citus had to shorten stay as they are.
 */
export function restoreNames(error: pg.DatabaseError): void {
  const { code = '', message } = error;
  if (!INTEGRITY_VIOLATION.test(code) || error.constraint !== undefined || error.table !== undefined) return;
  const found = (pattern: RegExp): string | undefined => pattern.exec(message)?.[1];
  const [constraint, table, column] = [found(CONSTRAINT), found(TABLE), found(COLUMN)];
  if (constraint !== undefined) error.constraint = constraint;
  if (table !== undefined) error.table = table;
  if (constraint === undefined && column !== undefined) error.column = column;
}
