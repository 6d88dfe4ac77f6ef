import type pg from 'pg';

const INTEGRITY_VIOLATION = /^23/;
/** The number of a shard behind the name of a table or constraint. */
const CONSTRAINT = /\bconstraint "([^"]+)_\d+"/;
const TABLE = /\b(?:relation|table) "([^"]+)_\d+"/g;
const COLUMN = /\bcolumn "([^"]+)"/;

/**
 * Gives the error of a violated constraint the fields that Citus does not pass on from its workers: `constraint`, `table` and
 * `column`, from the message, without the shard's number. A worker reports in English only as far as `lc_messages` says so;
 * names that Citus had to shorten stay as they are.
 */
export function restoreNames(error: pg.DatabaseError): void {
  const { code = '', message } = error;
  if (!INTEGRITY_VIOLATION.test(code) || error.constraint !== undefined || error.table !== undefined) return;
  const constraint = CONSTRAINT.exec(message)?.[1];
  // Behind a table from which a row is deleted stands the one whose constraint is violated.
  const table = [...message.matchAll(TABLE)].at(-1)?.[1];
  const column = COLUMN.exec(message)?.[1];
  if (constraint !== undefined) error.constraint = constraint;
  if (table !== undefined) error.table = table;
  if (constraint === undefined && column !== undefined) error.column = column;
}
