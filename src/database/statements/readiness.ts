import type pg from 'pg';
import { isPlainRowStatement } from '../sql-guard/row-statements.js';
import type { Statement } from './statement.js';
import { statementRecords } from './statement-records.js';

/** Why a connection that should be outside any transaction must be discarded; undefined when it is outside. */
export function openTransactionReason(client: pg.ClientBase): string | undefined {
  return client.getTransactionStatus() === 'I' ? undefined : 'its transaction was left open';
}

/**
 * Why a connection must be discarded on which this statement ran, or failed; undefined when it can have touched rows only.
 * It is the same reading as the guard's, taken once more where it matters: a command tag does not show `SELECT
 * set_config(…)`, and a command that failed reports none, although `PREPARE` outlives a rollback.
 */
export function unreadStatementReason({ text, isChecked }: Statement): string | undefined {
  const isOnRows = isChecked || statementRecords.get(text) !== undefined || isPlainRowStatement(text);
  return isOnRows ? undefined : 'it ran a statement that was not read as one on rows';
}
