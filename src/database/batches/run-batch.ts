import type { DataSource, QueryRunner } from 'typeorm';
import { BatchRolledBackError } from './batch.errors.js';
import { BatchManager, type BatchOperation } from './batch-manager.js';
import type { StatementBatch } from './statement-batch.js';

/** What a tenant's query runner is connected with. */
interface BatchingClient {
  /** From now on its statements are collected, to be sent together. */
  beginBatch(): StatementBatch;
}

/** The results of a batch's operations, in their order. */
export type BatchResults<Operations extends readonly BatchOperation<unknown>[]> = {
  -readonly [Index in keyof Operations]: Operations[Index] extends BatchOperation<infer Result> ? Result : never;
};

/**
 * Runs the operations that `work` returns in one implicit transaction, sent in one write.
 *
 * @throws InvalidBatchError, BatchSentError, and the error of the operation that failed
 */
export async function runBatch<const Operations extends readonly BatchOperation<unknown>[]>(
  dataSource: DataSource,
  work: (manager: BatchManager) => Operations,
): Promise<BatchResults<Operations>> {
  const manager = new BatchManager();
  const runs = manager.runsOf(work(manager));
  const runner = dataSource.createQueryRunner();
  try {
    const batch = ((await runner.connect()) as BatchingClient).beginBatch();
    if (dataSource.subscribers.length > 0) refuseSubscribersStatements(dataSource, runner, batch);
    const results: Promise<unknown>[] = [];
    try {
      for (const run of runs) {
        const added = batch.nextAdded();
        const result = run(runner.manager);
        results.push(result);
        await Promise.race([added, result]); // one without a statement, such as the insert of no rows, is over at once
      }
      await batch.send();
    } catch (error) {
      batch.discard(error);
      await Promise.allSettled(results);
      throw error;
    }
    return (await allOf(results)) as BatchResults<Operations>;
  } finally {
    await runner.release();
  }
}

/**
 * Subscribers get a query runner that refuses: a statement of theirs in front of an operation's own would be sent in its place,
 * and the others would be committed without it.
 */
function refuseSubscribersStatements(dataSource: DataSource, runner: QueryRunner, batch: StatementBatch): void {
  const refusing = dataSource.createQueryRunner();
  refusing.connect = () => Promise.reject(batch.refusal);
  Object.assign(runner, { broadcaster: refusing.broadcaster });
}

/** @throws the error of the operation for which the others were rolled back */
async function allOf(results: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(results);
  const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (errors.length === 0) return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value);
  throw errors.find((error) => !(error instanceof BatchRolledBackError)) ?? errors[0];
}
