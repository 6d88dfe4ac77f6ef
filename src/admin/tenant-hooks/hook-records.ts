import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationHookEntity } from '../../catalog/entities/operation-hook.entity.js';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';
import { AttemptEndedError } from './tenant-hooks.errors.js';

/** One hook, for one tenant, in one operation. */
export interface HookKey {
  readonly operationId: string;
  readonly tenantId: string;
  readonly event: string;
  readonly hook: string;
}

/** The attempt that begins. */
export interface HookAttempt {
  readonly attempt: number;
  /** The transaction of the attempt before, if it had one. */
  readonly transactionId: string | null;
}

const KEY = 'operation_id = $1 AND tenant_id = $2 AND event = $3 AND hook = $4';

/** A hook that has failed for the last time begins from the first attempt: its operation was retried. */
const BEGIN = `
  INSERT INTO operation_hooks AS h (operation_id, tenant_id, event, hook, status, attempts)
  VALUES ($1, $2, $3, $4, 'running', 1)
  ON CONFLICT (operation_id, tenant_id, event, hook) DO UPDATE
    SET status = 'running', attempts = CASE WHEN h.status = 'failed' THEN 1 ELSE h.attempts + 1 END, error = NULL,
        started_at = now(), finished_at = NULL
    WHERE h.status <> 'succeeded'
  RETURNING attempts AS attempt, transaction_id AS "transactionId"`;

const END = `
  UPDATE operation_hooks SET status = $5, error = $6, duration_ms = $7, finished_at = now() WHERE ${KEY}`;

/** The results of hooks, in the catalog: from there each run of an operation learns which are left to call. */
@Injectable()
export class HookRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Returns undefined when the hook has succeeded before. */
  async begin(key: HookKey): Promise<HookAttempt | undefined> {
    const [attempt] = await this.catalog.query<HookAttempt[]>(BEGIN, valuesOf(key));
    return attempt;
  }

  /**
   * Before the transaction's work. An attempt that has timed out, or whose instance was taken for dead, must not commit beside the
   * one that came after it.
   *
   * @throws AttemptEndedError
   */
  async saveTransaction(key: HookKey, attempt: number, transactionId: string): Promise<void> {
    const [, saved] = await this.catalog.query<[unknown[], number]>(
      `UPDATE operation_hooks SET transaction_id = $5 WHERE ${KEY} AND attempts = $6 AND status = 'running'`,
      [...valuesOf(key), transactionId, attempt],
    );
    if (saved === 0) throw new AttemptEndedError(attempt);
  }

  async end(
    key: HookKey,
    status: 'succeeded' | 'retrying' | 'failed',
    { failure, durationMs }: { readonly failure?: OperationFailure; readonly durationMs: number },
  ): Promise<void> {
    const error = failure === undefined ? null : JSON.stringify(failure);
    await this.catalog.query(END, [...valuesOf(key), status, error, durationMs]);
  }

  /** Lets a retry of the operation call the hooks again that failed. */
  async forgetFailures(catalog: EntityManager, operationId: string): Promise<void> {
    await catalog.delete(OperationHookEntity, { operationId, status: 'failed' });
  }

  /** Results of an operation by event, for its own result. */
  async count(operationId: string): Promise<{ readonly succeeded: number; readonly failed: number }> {
    const [counts] = await this.catalog.query<[{ succeeded: number; failed: number }]>(
      `SELECT (count(*) FILTER (WHERE status = 'succeeded'))::int AS succeeded,
              (count(*) FILTER (WHERE status = 'failed'))::int AS failed
       FROM operation_hooks WHERE operation_id = $1`,
      [operationId],
    );
    return counts;
  }
}

function valuesOf({ operationId, tenantId, event, hook }: HookKey): string[] {
  return [operationId, tenantId, event, hook];
}
