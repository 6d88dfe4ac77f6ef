import type { ColumnMasks } from '../table-migrations/tenant-schema/column-masks.js';
import { type CopyPlace, isSamePlace } from './copy-place.js';
import { CopyPlacesError } from './copy.errors.js';
import { assertEqualDigests, digestRows, type TableDigest } from './digests.js';
import { collectStatistics } from './estimates/collect-statistics.js';
import { estimatedRows, totalOf } from './estimates/estimated-rows.js';
import { interruptible } from './interruptible.js';
import { removeTenantRows } from './remove-tenant-rows.js';
import { type CopyPace, TransferMeter } from './streams/transfer-meter.js';
import { TableCopy } from './table-copy.js';
import { type CopiedGroup, type CopiedTable, copiedTables } from './tables/copied-tables.js';
import { setTextForms, SNAPSHOT, transaction } from './transaction.js';

export interface CopyOptions {
  /** Ends the copy: running statements are cancelled, and both connections stay usable. */
  readonly signal: AbortSignal;
  /** Called often, with the rows copied so far and the planner's estimate of all rows, which may be lower. */
  readonly onProgress?: (copied: number, estimated: number) => void;
  /** Default: as fast as the servers can. */
  readonly pace?: CopyPace;
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
  await collectStatistics(to, tables, signal);
  return digests;
}

class RowCopy {
  private constructor(
    private readonly from: CopyPlace,
    private readonly to: CopyPlace,
    private readonly groups: readonly CopiedGroup[],
    private readonly asTenant: string,
    private readonly meter: TransferMeter,
    private readonly copy: TableCopy,
    private readonly signal: AbortSignal,
  ) {}

  static async prepare(from: CopyPlace, to: CopyPlace, tenantId: string, options: CopyOptions): Promise<RowCopy> {
    const { signal, masks, asTenant = tenantId, onProgress, pace } = options;
    const groups = await copiedTables(from.client, from.schema);
    const estimated = totalOf(await estimatedRows(from, groups.flat(), tenantId));
    const meter = new TransferMeter((rows) => onProgress?.(rows, estimated), pace);
    const copy = new TableCopy(from, to, tenantId, { signal, meter, asTenant, masks });
    return new RowCopy(from, to, groups, asTenant, meter, copy, signal);
  }

  get tables(): readonly CopiedTable[] {
    return this.groups.flat();
  }

  /** Each part is rolled back only when no request to cancel is under way any more. */
  async run(): Promise<TableDigest[]> {
    const { to } = this;
    const digests: TableDigest[] = [];
    for (const group of this.groups) {
      const read = await transaction(to.client, 'BEGIN', () => this.interruptible(() => this.copy.copy(group)));
      digests.push(...read);
      await this.meter.rest(this.signal);
    }
    const compared = this.tables.map((table) => this.copy.compared(table));
    const rest = (): Promise<void> => this.meter.rest(this.signal);
    assertEqualDigests(digests, await this.interruptible(() => digestRows(to, compared, this.asTenant, rest)));
    return digests;
  }

  private interruptible<T>(work: () => Promise<T>): Promise<T> {
    return interruptible([this.from.client, this.to.client], this.signal, work);
  }
}
