import pg from 'pg';
import type { ColumnMasks } from '../table-migrations/tenant-schema/column-masks.js';
import { columnList, type CopyPlace, isSamePlace, qualified, rowsOf } from './copy-place.js';
import { type CopiedGroup, type CopiedTable, copiedTables } from './tables/copied-tables.js';
import { copyStream } from './streams/copy-stream.js';
import { CopyPlacesError } from './copy.errors.js';
import { assertEqualDigests, digest, digestRows, type TableDigest } from './digests.js';
import { interruptible } from './interruptible.js';
import { writing } from './refusals.js';
import { type MaskedColumn, RowMasking } from './streams/row-masking.js';
import { removeTenantRows } from './remove-tenant-rows.js';
import { insertStaged, type StagedTable, stageTable } from './staged-rows.js';
import { setTextForms, setWriting, SNAPSHOT, transaction } from './transaction.js';
import { TransferMeter } from './streams/transfer-meter.js';

const TENANT_COLUMN = 'tenant_id';

export interface CopyOptions {
  /** Ends the copy: running statements are cancelled, and both connections stay usable. */
  readonly signal: AbortSignal;
  /** Called often, with the rows copied so far and the planner's estimate of all rows, which may be lower. */
  readonly onProgress?: (copied: number, estimated: number) => void;
  /** On average over the copy, without what is compared at its end. No limit unless given. */
  readonly maxBytesPerSecond?: number;
  /** The tenant whose rows the copies become, which may share the tables with the source. Default: the same tenant. */
  readonly asTenant?: string;
  /** Values that are replaced on their way, and not compared. Default: none. `maskProblems` finds what is wrong with them. */
  readonly masks?: ColumnMasks;
}

/**
 * Copies one tenant's rows from one snapshot of the source, and compares both places with each other against the same
 * snapshot. Removes the tenant's rows at the destination first, so that it can be run again after any failure. Each group of
 * tables is a transaction of its own at the destination. As rows of another tenant, they are compared without `tenant_id`.
 *
 * @returns what the tenant's rows at either place amount to, per table
 * @throws CopyMismatchError, CopyRefusedError, CopyPlacesError, MaskFailedError, RowsLeftError, the signal's reason
 */
export async function copyRows(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  options: CopyOptions,
): Promise<TableDigest[]> {
  const { signal, asTenant = tenantId } = options;
  signal.throwIfAborted();
  const isOtherTenant = asTenant !== tenantId && !from.isAlone && !to.isAlone;
  if (!isOtherTenant && (await isSamePlace(from, to))) {
    throw new CopyPlacesError('the source and the destination are the same place');
  }
  await interruptible([to.client], signal, () => removeTenantRows(to.client, to.schema, asTenant, { signal }));
  const { tables, digests } = await transaction(from.client, SNAPSHOT, async () => {
    await setTextForms(from.client);
    const copy = await RowCopy.prepare(from, to, tenantId, options);
    return { tables: copy.tables, digests: await copy.run() };
  });
  if (to.isAlone) await collectStatistics(to, tables, signal);
  return digests;
}

class RowCopy {
  private readonly meter: TransferMeter;
  /** Of the source. */
  private readonly digests: TableDigest[] = [];

  private constructor(
    private readonly from: CopyPlace,
    private readonly to: CopyPlace,
    private readonly tenantId: string,
    private readonly groups: readonly CopiedGroup[],
    estimated: number,
    private readonly options: CopyOptions,
  ) {
    const onRows = (rows: number): void => options.onProgress?.(rows, estimated);
    this.meter = new TransferMeter(onRows, options.maxBytesPerSecond);
  }

  static async prepare(from: CopyPlace, to: CopyPlace, tenantId: string, options: CopyOptions): Promise<RowCopy> {
    const groups = await copiedTables(from.client, from.schema);
    let estimated = 0;
    for (const table of groups.flat()) estimated += await estimateRows(from, table, tenantId);
    return new RowCopy(from, to, tenantId, groups, estimated, options);
  }

  get tables(): readonly CopiedTable[] {
    return this.groups.flat();
  }

  /**
   * The source is hashed while the destination checks foreign keys.
   *
   * Each part is rolled back only when no request to cancel is under way any more.
   */
  async run(): Promise<TableDigest[]> {
    const { to } = this;
    for (const group of this.groups) {
      await transaction(to.client, 'BEGIN', () => this.interruptible(() => this.copyGroup(group)));
    }
    const compared = this.tables.map((table) => this.compared(table));
    assertEqualDigests(this.digests, await this.interruptible(() => digestRows(to, compared, this.asTenant)));
    return this.digests;
  }

  private get asTenant(): string {
    return this.options.asTenant ?? this.tenantId;
  }

  /** The table with the columns that are the same at both places. */
  private compared(table: CopiedTable): CopiedTable {
    const masked = this.masked(table);
    const isSame = (column: string, position: number): boolean =>
      !masked.has(position) && (column !== TENANT_COLUMN || this.asTenant === this.tenantId);
    return { ...table, columns: table.columns.filter(isSame) };
  }

  private masked({ name: table, columns }: CopiedTable): ReadonlyMap<number, MaskedColumn> {
    const masks = new Map(Object.entries(new Map(Object.entries(this.options.masks ?? {})).get(table) ?? {}));
    const found = columns.flatMap((column, position) => {
      const mask = masks.get(column);
      return mask ? [[position, { table, column, mask }] as const] : [];
    });
    return new Map(found);
  }

  private interruptible<T>(work: () => Promise<T>): Promise<T> {
    return interruptible([this.from.client, this.to.client], this.options.signal, work);
  }

  private async copyGroup(group: CopiedGroup): Promise<void> {
    await setWriting(this.to.client, this.to.schema);
    const [first, ...others] = group;
    if (first && others.length === 0) return this.copyTable(first, qualified(this.to, first.name));
    await this.copyCycle(group);
  }

  private async copyCycle(group: CopiedGroup): Promise<void> {
    const { to } = this;
    const staged: StagedTable[] = [];
    for (const [n, table] of group.entries()) {
      const into = await stageTable(to, { table: table.name, columns: table.columns, n });
      await this.copyTable(table, into.staged);
      staged.push(into);
    }
    await insertStaged(to, staged);
  }

  private async copyTable(table: CopiedTable, into: string): Promise<void> {
    const { from, to, tenantId, asTenant, meter } = this;
    const columns = columnList(table.columns);
    const compared = this.compared(table);
    const onRead = async (): Promise<void> => void this.digests.push(await digest(from, compared, tenantId));
    const values = table.columns.map((column) =>
      column === TENANT_COLUMN ? uuid(asTenant) : pg.escapeIdentifier(column),
    );
    const query = `SELECT ${values.join(', ')} FROM ${rowsOf(from, table)} WHERE tenant_id = ${uuid(tenantId)}`;
    const masked = this.masked(table);
    const masking = masked.size === 0 ? undefined : new RowMasking(masked);
    await writing(
      () =>
        copyStream(
          { client: from.client, query },
          { client: to.client, into: `${into} (${columns})` },
          { meter, signal: this.options.signal, onRead, masking },
        ),
      table.name,
    );
  }
}

async function estimateRows(from: CopyPlace, table: CopiedTable, tenantId: string): Promise<number> {
  const { rows } = await from.client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
    `EXPLAIN (FORMAT JSON) SELECT FROM ${rowsOf(from, table)} WHERE tenant_id = ${uuid(tenantId)}`,
  );
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

function uuid(id: string): string {
  return `${pg.escapeLiteral(id)}::uuid`;
}

/** The first statements after a move would otherwise be planned as if the tables were empty. Shared tables have statistics. */
async function collectStatistics(to: CopyPlace, tables: readonly CopiedTable[], signal: AbortSignal): Promise<void> {
  await interruptible([to.client], signal, async () => {
    for (const table of tables) await to.client.query(`ANALYZE ${qualified(to, table.name)}`);
  });
}
