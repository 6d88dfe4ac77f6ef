import type { DataSource } from 'typeorm';
import { assertStreamable } from '../../database/sql-guard/classify-statement.js';
import type { StampedClient } from '../../database/transactions/stamped-client.js';
import { TooManyRowsError } from './fleet.errors.js';

/** A statement that reads, and its parameters. */
export interface ReportQuery {
  /** One `SELECT`, `WITH`, `VALUES` or `TABLE`; `$1` is the first parameter. */
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Limits of the statement for each tenant. */
interface ReportLimits {
  readonly timeoutMs: number;
  readonly maxRows: number;
}

/**
 * Admits one statement on rows: no command, which could end the transaction or make it one that writes.
 *
 * @throws SessionStatementRefusedError, MultipleCommandsError
 */
export function assertReads(text: string): void {
  assertStreamable(text, { scope: 'transaction', mayExplain: false });
}

/**
 * Runs a statement for one tenant, under its stamp and as its login role, in a transaction that PostgreSQL keeps from writing:
 * it begins `READ ONLY` with the stamp, and PostgreSQL admits no change of that after a transaction's first query.
 *
 * @throws TooManyRowsError, ResultTooLargeError, StatementTimeoutError, PostgreSQL's errors
 */
export async function readReport<Row extends object>(
  dataSource: DataSource,
  { text, values = [] }: ReportQuery,
  { timeoutMs, maxRows }: ReportLimits,
): Promise<Row[]> {
  assertReads(text);
  return dataSource.transaction(async (manager) => {
    const client = (await manager.queryRunner?.connect()) as StampedClient;
    await client.query('SET TRANSACTION READ ONLY');
    await client.limitTransaction({ statementTimeoutMs: timeoutMs });
    const { rows } = await client.query(text, values);
    if (rows.length > maxRows) throw new TooManyRowsError(maxRows, 'one tenant');
    return rows as Row[];
  });
}
