import type { DataSource, EntityManager } from 'typeorm';
import type { StampedClient } from '../transactions/stamped-client.js';
import { InvalidStatementTimeoutError } from '../transactions/transaction.errors.js';

/** Limits of one transaction, instead of the configuration's. */
export interface TransactionOptions {
  /**
   * Seconds that each of its statements may run, and each fetch of its streams; above 0, at most 86,400. Default:
   * `DB_STATEMENT_TIMEOUT`.
   */
  readonly statementTimeoutSeconds?: number;
  /** Exempts the transaction from `DB_LEASE_TIMEOUT` and `DB_LEASE_IDLE_TIMEOUT`, for long exports and imports. */
  readonly isUnlimited?: boolean;
}

const MAX_STATEMENT_TIMEOUT_S = 86_400;

/**
 * A transaction of a tenant's data source with its own limits.
 *
 * @throws InvalidStatementTimeoutError, and what `work` throws
 */
export async function runLimitedTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
  { statementTimeoutSeconds, isUnlimited }: TransactionOptions,
): Promise<T> {
  const statementTimeoutMs = statementTimeoutSeconds === undefined ? undefined : toMs(statementTimeoutSeconds);
  return dataSource.transaction(async (manager) => {
    const client = (await manager.queryRunner?.connect()) as StampedClient;
    await client.limitTransaction({ statementTimeoutMs, isUnlimited });
    return work(manager);
  });
}

/**
 * A transaction of a tenant's data source whose outcome can be looked up when this process dies while it commits.
 *
 * @param announce receives the transaction's id before `work` begins
 * @throws what `announce` and `work` throw
 */
export async function runTraceableTransaction(
  dataSource: DataSource,
  announce: (transactionId: string) => Promise<void>,
  work: (manager: EntityManager) => Promise<void>,
): Promise<void> {
  await dataSource.transaction(async (manager) => {
    const client = (await manager.queryRunner?.connect()) as StampedClient;
    await announce(await client.transactionId());
    await work(manager);
  });
}

function toMs(seconds: number): number {
  const isValid = typeof seconds === 'number' && seconds > 0 && seconds <= MAX_STATEMENT_TIMEOUT_S;
  if (!isValid) throw new InvalidStatementTimeoutError(seconds, MAX_STATEMENT_TIMEOUT_S);
  return Math.ceil(seconds * 1_000);
}
