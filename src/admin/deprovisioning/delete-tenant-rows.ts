import type pg from 'pg';
import { createStamp } from '../../database/statements/stamp.js';
import { assertTenantId, assertTenantTables } from './removable-names.js';
import { RowsLeftError } from './deprovisioning.errors.js';
import { type TableGroup, tableGroups } from './table-groups.js';

export interface RowRemovalOptions {
  /** Rows per statement and transaction. Tables in a cycle of foreign keys are emptied in one, whatever they hold. */
  readonly batchSize?: number;
  /** Looked at between statements. */
  readonly signal?: AbortSignal;
  /** Told after each transaction how many rows are deleted so far. */
  readonly onProgress?: (deleted: number) => void;
}

const BATCH_SIZE = 5_000;
/** A trigger may write rows about what is deleted into a table that was emptied already. */
const PASSES = 3;

// For triggers that write as the application does. With row_security off, a policy that would hide rows from this role
// (FORCE, or a table that it does not own) is an error instead of rows that stay.
const STAMP = `SELECT set_config('app.tenant_id', $1, true), set_config('search_path', $2, true),
                      set_config('row_security', 'off', true)`;

/**
 * Deletes a tenant's rows from every table of the schema that has a `tenant_id`, as the owner of the tables, and
 * nobody else's. Every batch is a transaction of its own, so it can be stopped anywhere and run again; a schema that is
 * gone has no rows. `client` must not be in a transaction.
 *
 * @returns how many rows were deleted, without those that foreign keys and triggers took along
 * @throws RemovalRefusedError (not a tenant's id or schema), RowsLeftError, the signal's reason
 */
export async function deleteTenantRows(
  client: pg.ClientBase,
  schema: string,
  tenantId: string,
  options: RowRemovalOptions = {},
): Promise<number> {
  assertTenantId(tenantId);
  assertTenantTables(schema);
  const removal = new RowRemoval(client, schema, tenantId, options);
  return removal.run();
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
      for (const group of groups) await this.empty(group);
      const left = await this.rowsLeft(groups);
      if (left.size === 0) return this.deleted;
      if (pass === PASSES) throw new RowsLeftError([...left.keys()], sum(left.values()));
    }
  }

  private async empty(group: TableGroup): Promise<void> {
    if (group.isCycle) return this.emptyTogether(group);
    for (const part of group.tables.flatMap(({ parts }) => parts)) await this.emptyInBatches(part);
  }

  /** No more than was there at first: a trigger that puts rows back would keep it going for ever. */
  private async emptyInBatches(part: string): Promise<void> {
    let left = await this.count(part);
    while (left > 0) {
      const deleted = await this.transaction(
        `DELETE FROM ONLY ${part} WHERE tenant_id = $1
         AND ctid = ANY (ARRAY(SELECT ctid FROM ONLY ${part} WHERE tenant_id = $1 LIMIT $2))`,
        [this.tenantId, this.options.batchSize ?? BATCH_SIZE],
      );
      if (deleted.rowCount === null || deleted.rowCount === 0) return; // kept by a trigger: found by whoever counts
      left -= deleted.rowCount;
      this.progress(deleted.rowCount);
    }
  }

  /** In one statement, because foreign keys are checked at its end. */
  private async emptyTogether({ tables }: TableGroup): Promise<void> {
    const deletes = tables.map(({ source }, n) => `d${n} AS (DELETE FROM ${source} WHERE tenant_id = $1 RETURNING 1)`);
    const counts = tables.map((_table, n) => `(SELECT count(*) FROM d${n})`);
    const { rows } = await this.transaction<{ deleted: number }>(
      `WITH ${deletes.join(', ')} SELECT (${counts.join(' + ')})::float8 AS deleted`,
      [this.tenantId],
    );
    const deleted = rows[0]?.deleted ?? 0;
    if (deleted > 0) this.progress(deleted);
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
    await this.client.query('BEGIN');
    try {
      await this.client.query(STAMP, [this.tenantId, createStamp(this.tenantId, this.schema).searchPath]);
      const result = await this.client.query<Row>(text, values);
      await this.client.query('COMMIT');
      return result;
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined); // a lost connection took the transaction with it
      throw error;
    }
  }

  private progress(deleted: number): void {
    this.deleted += deleted;
    this.options.onProgress?.(this.deleted);
  }
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
