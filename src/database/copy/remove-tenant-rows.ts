import type pg from 'pg';
import { createStamp } from '../statements/stamps/stamp.js';
import { RowsLeftError } from './copy.errors.js';
import { type TableGroup, tableGroups } from './tables/table-groups.js';
import { transaction } from './transaction.js';

export interface RowRemovalOptions {
  /** Rows per statement and transaction; default: 5,000. Tables in a foreign-key cycle are emptied in one statement. */
  readonly batchSize?: number;
  /** Checked between statements. */
  readonly signal?: AbortSignal;
  /** Called after each transaction with the number of rows deleted so far. */
  readonly onProgress?: (deleted: number) => void;
}

const BATCH_SIZE = 5_000;
/** More than one, because a trigger may write rows about deleted rows to a table that was already emptied. */
const MAX_PASSES = 3;

// The stamp is for triggers that write as the application does. With row_security off, a policy that would hide rows
// from this role (FORCE, or a table that it does not own) raises an error, instead of leaving rows behind silently.
const STAMP = `SELECT set_config('app.tenant_id', $1, true), set_config('search_path', $2, true),
                      set_config('row_security', 'off', true)`;

/**
 * Deletes one tenant's rows from all tables in the schema that have a `tenant_id`. Each batch is its own transaction,
 * so the deletion can be interrupted anywhere and run again. A schema that does not exist has no rows.
 *
 * @param client connected as the owner of the tables, not in a transaction
 * @returns the number of deleted rows, without those deleted by foreign keys and triggers
 * @throws RowsLeftError, the signal's reason
 */
export async function removeTenantRows(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  options: RowRemovalOptions = {},
): Promise<number> {
  return new RowRemoval(client, schema, tenantId, options).run();
}

class RowRemoval {
  private deleted = 0;

  constructor(
    private readonly client: pg.ClientBase,
    private readonly schema: string,
    private readonly tenantId: string,
    private readonly options: RowRemovalOptions,
  ) {}

  async run(): Promise<number> {
    for (let pass = 1; ; pass += 1) {
      const groups = await tableGroups(this.client, this.schema);
      for (const group of groups) await this.deleteFrom(group);
      const left = await this.rowsLeft(groups);
      if (left.size === 0) return this.deleted;
      if (pass === MAX_PASSES) throw new RowsLeftError([...left.keys()], sum(left.values()));
    }
  }

  private async deleteFrom(group: TableGroup): Promise<void> {
    if (group.isCycle) return this.deleteFromCycle(group);
    for (const part of group.tables.flatMap(({ parts }) => parts)) await this.deleteInBatches(part);
  }

  /** Deletes at most the initial number of rows: a trigger that reinserts rows would make this loop endless. */
  private async deleteInBatches(part: string): Promise<void> {
    let left = await this.count(part);
    while (left > 0) {
      const deleted = await this.transaction(
        `DELETE FROM ONLY ${part} WHERE tenant_id = $1
         AND ctid = ANY (ARRAY(SELECT ctid FROM ONLY ${part} WHERE tenant_id = $1 LIMIT $2))`,
        [this.tenantId, this.options.batchSize ?? BATCH_SIZE],
      );
      if (deleted.rowCount === null || deleted.rowCount === 0) return; // kept by a trigger: `rowsLeft` finds them
      left -= deleted.rowCount;
      this.addProgress(deleted.rowCount);
    }
  }

  /** One statement for all tables, because foreign keys are checked at its end. */
  private async deleteFromCycle({ tables }: TableGroup): Promise<void> {
    const deletes = tables.map(({ source }, n) => `d${n} AS (DELETE FROM ${source} WHERE tenant_id = $1 RETURNING 1)`);
    const counts = tables.map((_table, n) => `(SELECT count(*) FROM d${n})`);
    const { rows } = await this.transaction<{ deleted: number }>(
      `WITH ${deletes.join(', ')} SELECT (${counts.join(' + ')})::float8 AS deleted`,
      [this.tenantId],
    );
    const deleted = rows[0]?.deleted ?? 0;
    if (deleted > 0) this.addProgress(deleted);
  }

  private async rowsLeft(groups: readonly TableGroup[]): Promise<Map<string, number>> {
    const left = new Map<string, number>();
    for (const part of groups.flatMap(({ tables }) => tables).flatMap(({ parts }) => parts)) {
      const rows = await this.count(part);
      if (rows > 0) left.set(part, rows);
    }
    return left;
  }

  private async count(part: string): Promise<number> {
    const { rows } = await this.transaction<{ rows: number }>(
      `SELECT count(*)::float8 AS rows FROM ONLY ${part} WHERE tenant_id = $1`,
      [this.tenantId],
    );
    return rows[0]?.rows ?? 0;
  }

  private async transaction<Row extends pg.QueryResultRow>(
    text: string,
    values: unknown[],
  ): Promise<pg.QueryResult<Row>> {
    this.options.signal?.throwIfAborted();
    return transaction(this.client, 'BEGIN', async () => {
      await this.client.query(STAMP, [this.tenantId, createStamp(this.tenantId, this.schema).searchPath]);
      return this.client.query<Row>(text, values);
    });
  }

  private addProgress(deleted: number): void {
    this.deleted += deleted;
    this.options.onProgress?.(this.deleted);
  }
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
