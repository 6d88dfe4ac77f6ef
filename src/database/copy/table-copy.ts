import pg from 'pg';
import type { ColumnMasks } from '../table-migrations/tenant-schema/column-masks.js';
import { columnList, type CopyPlace, qualified, rowsOf } from './copy-place.js';
import { digest, type TableDigest } from './digests.js';
import { writing } from './refusals.js';
import { insertStaged, type StagedTable, stageTable } from './staged-rows.js';
import { copyStream } from './streams/copy-stream.js';
import { type MaskedColumn, RowMasking } from './streams/row-masking.js';
import type { TransferMeter } from './streams/transfer-meter.js';
import type { CopiedGroup, CopiedTable } from './tables/copied-tables.js';
import { setWriting } from './transaction.js';

const TENANT_COLUMN = 'tenant_id';

export interface TableCopyOptions {
  readonly signal: AbortSignal;
  readonly meter: TransferMeter;
  /** The tenant whose rows the copies become. */
  readonly asTenant: string;
  readonly masks?: ColumnMasks | undefined;
}

/** Copies rows of tables of one tenant, in transactions that the caller has begun at both places. */
export class TableCopy {
  constructor(
    private readonly from: CopyPlace,
    private readonly to: CopyPlace,
    private readonly tenantId: string,
    private readonly options: TableCopyOptions,
  ) {}

  /**
   * The source is hashed while the destination checks foreign keys, or behind that at a considerate pace.
   *
   * @param condition on the table `t` of a group of one: which of its rows are copied. Default: all
   * @returns digests of what was read
   */
  async copy(group: CopiedGroup, condition = 'true'): Promise<TableDigest[]> {
    await setWriting(this.to.client, this.to.schema);
    const [first, ...others] = group;
    if (!first || others.length > 0) return this.copyCycle(group);
    return [await this.copyTable(first, qualified(this.to, first.name), condition)];
  }

  /** The table with the columns that are the same at both places. */
  compared(table: CopiedTable): CopiedTable {
    const masked = this.masked(table);
    const isSame = (column: string, position: number): boolean =>
      !masked.has(position) && (column !== TENANT_COLUMN || this.options.asTenant === this.tenantId);
    return { ...table, columns: table.columns.filter(isSame) };
  }

  private async copyCycle(group: CopiedGroup): Promise<TableDigest[]> {
    const { to } = this;
    const staged: StagedTable[] = [];
    const digests: TableDigest[] = [];
    for (const [n, table] of group.entries()) {
      const into = await stageTable(to, { table: table.name, columns: table.columns, n });
      digests.push(await this.copyTable(table, into.staged, 'true'));
      staged.push(into);
    }
    await insertStaged(to, staged);
    return digests;
  }

  private async copyTable(table: CopiedTable, into: string, condition: string): Promise<TableDigest> {
    const { from, to, tenantId } = this;
    const { signal, meter, asTenant } = this.options;
    const values = table.columns.map((column) =>
      column === TENANT_COLUMN ? uuid(asTenant) : pg.escapeIdentifier(column),
    );
    const query = `SELECT ${values.join(', ')} FROM ${rowsOf(from, table)} t WHERE tenant_id = ${uuid(tenantId)} AND ${condition}`;
    const masked = this.masked(table);
    const masking = masked.size === 0 ? undefined : new RowMasking(masked);
    let read: TableDigest | undefined;
    const hash = async (): Promise<void> => {
      read = await digest(from, this.compared(table), tenantId, { condition });
    };
    const onRead = meter.isConsiderate ? undefined : hash;
    const destination = { client: to.client, into: `${into} (${columnList(table.columns)})` };
    await writing(
      () => copyStream({ client: from.client, query }, destination, { meter, signal, onRead, masking }),
      table.name,
    );
    if (!onRead) await hash();
    if (!read) throw new Error(`table ${qualified(from, table.name)} was copied without a digest`);
    return read;
  }

  private masked({ name: table, columns }: CopiedTable): ReadonlyMap<number, MaskedColumn> {
    const masks = new Map(Object.entries(new Map(Object.entries(this.options.masks ?? {})).get(table) ?? {}));
    const found = columns.flatMap((column, position) => {
      const mask = masks.get(column);
      return mask ? [[position, { table, column, mask }] as const] : [];
    });
    return new Map(found);
  }
}

function uuid(id: string): string {
  return `${pg.escapeLiteral(id)}::uuid`;
}
