import type pg from 'pg';
import { isPlainRowStatement } from '../sql-guard/row-statements.js';
import type { Statement } from './statement.js';
import { statementRecords } from './statement-records.js';
import { internalsOf } from '../connection/pg-internals.js';

/** How long a server may take from reporting an error to being ready for the next statement. */
const READY_TIMEOUT_MS = 5_000;

/**
 * Waits until the server is ready for the next statement. node-postgres reports an error as soon as it arrives, which is
 * earlier: only a ready connection reports the transaction status after the error, and may be reused by another caller.
 *
 * @returns why the connection is not fit for further use, or undefined when it is
 */
export function waitUntilReady(client: pg.ClientBase): Promise<string | undefined> {
  if (internalsOf(client).readyForQuery) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const settle = (reason?: string): void => {
      clearTimeout(deadline);
      client.removeListener('drain', onReady);
      client.removeListener('end', onEnd);
      resolve(reason);
    };
    const onReady = (): void => settle();
    const onEnd = (): void => settle('its connection was closed');
    const deadline = setTimeout(() => settle('it was not ready in time after an error'), READY_TIMEOUT_MS);
    client.once('drain', onReady); // ready, with an empty queue
    client.once('end', onEnd);
  });
}

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
