import { applyTaken, TAKING } from '../apply-changes.js';
import { type CopyPlace, isSamePlace, rowsOf } from '../copy-place.js';
import { CopyPlacesError } from '../copy.errors.js';
import { assertEqualDigests, digest, digestRows, sumOf, type TableDigest } from '../digests.js';
import { collectStatistics } from '../estimates/collect-statistics.js';
import { estimatedRows, totalOf } from '../estimates/estimated-rows.js';
import { interruptible } from '../interruptible.js';
import { removeTenantRows } from '../remove-tenant-rows.js';
import { type CopyPace, TransferMeter } from '../streams/transfer-meter.js';
import { TableCopy } from '../table-copy.js';
import { type CopiedGroup, type CopiedTable, copiedTables } from '../tables/copied-tables.js';
import { lockForReading, setTextForms, transaction } from '../transaction.js';
import { CopyPosition } from './copy-position.js';
import { hasRanges, inRange, type KeyRange, nextRange } from './key-ranges.js';

/** What is copied again after a crash, of a table with ranges, unless that is less than a part of it. */
const RANGE_ROWS = 50_000;
/**
 * Where keys are in another order than rows, as random UUIDs are, each range may read all pages of a table: 16 times are little
 * beside what writing its rows takes.
 */
const MAX_RANGES = 16;
/** A snapshot keeps PostgreSQL from removing dead rows, of all tenants of the server. */
const SNAPSHOT_MS = 120_000;

export interface NotedCopyOptions {
  /** Ends the copy: running statements are cancelled, and both connections stay usable. */
  readonly signal: AbortSignal;
  /** A UUID: a copy with the same one goes on where the former one of the same rows ended. */
  readonly copyId: string;
  /** Called often, with the rows copied so far and the planner's estimate of all rows, which may be lower. */
  readonly onProgress?: (copied: number, estimated: number) => void;
  /** Default: as fast as the servers can. */
  readonly pace?: CopyPace;
  /**
   * Rows per transaction at the destination, or a sixteenth of a table, if that is more. Tables whose keys have no ranges are copied
   * in one. Default: 50,000.
   */
  readonly rangeRows?: number;
  /** After so many ms the copy goes on under another snapshot, once a range, a table or a cycle is copied. Default: 2 minutes. */
  readonly snapshotMs?: number;
}

/**
 * Copies one tenant's rows as `copyRows` does, from a place where its changes have been noted since before. What is copied is
 * always a part of one snapshot of the source: before rows are read under another one, also after a crash, changes noted
 * since are applied to those that are copied already. So foreign keys and unique values fit at any time, and each snapshot
 * can be short. In the end every table is compared as a whole.
 *
 * @returns what the tenant's rows at either place amount to, per table, when they were compared
 * @throws CopyMismatchError, CopyRefusedError, CopyPlacesError, RowsLeftError, the signal's reason
 */
export async function copyNotedRows(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  options: NotedCopyOptions,
): Promise<TableDigest[]> {
  const { signal, copyId } = options;
  signal.throwIfAborted();
  if (await isSamePlace(from, to)) throw new CopyPlacesError('the source and the destination are the same place');
  const groups = await copiedTables(from.client, from.schema);
  const unnoted = groups.flat().find(({ key }) => key.length === 0);
  if (unnoted) throw new CopyPlacesError(`table "${unnoted.name}" has no key by which its changes are noted`);
  const position = await CopyPosition.read(to, tenantId, copyId);
  if (position.isStart || !position.fits(from, groups.flat())) {
    await position.forget();
    await interruptible([to.client], signal, () => removeTenantRows(to.client, to.schema, tenantId, { signal }));
  }
  const estimated = await estimatedRows(from, groups.flat(), tenantId);
  const digests = await new NotedCopy(from, to, tenantId, groups, position, estimated, options).run();
  await collectStatistics(to, groups.flat(), signal);
  return digests;
}

class NotedCopy {
  private readonly meter: TransferMeter;
  private readonly copy: TableCopy;
  /** What was read under the present snapshot, of tables whose first rows were. */
  private readonly read = new Map<string, TableDigest>();
  private readonly compared = new Map<string, TableDigest>();

  constructor(
    private readonly from: CopyPlace,
    private readonly to: CopyPlace,
    private readonly tenantId: string,
    private readonly groups: readonly CopiedGroup[],
    private readonly position: CopyPosition,
    private readonly estimated: ReadonlyMap<string, number>,
    private readonly options: NotedCopyOptions,
  ) {
    const { signal, onProgress, pace } = options;
    const [before, all] = [position.rows, totalOf(estimated)];
    this.meter = new TransferMeter((rows) => onProgress?.(before + rows, all), pace);
    this.copy = new TableCopy(from, to, tenantId, { signal, meter: this.meter, asTenant: tenantId });
  }

  async run(): Promise<TableDigest[]> {
    while (this.next()) await this.underSnapshot();
    return [...this.compared.values()];
  }

  private get tables(): readonly CopiedTable[] {
    return this.groups.flat();
  }

  /** Referenced tables come first, so that those that refer to them find their rows. */
  private next(): (() => Promise<void>) | undefined {
    const group = this.groups.find((tables) => !tables.every((table) => this.position.hasAll(table)));
    if (group) return () => this.copyPart(group);
    const table = this.tables.find(({ name }) => !this.compared.has(name));
    return table && (() => this.compare(table));
  }

  private async underSnapshot(): Promise<void> {
    const { from, to, tenantId, options } = this;
    const { signal, snapshotMs = SNAPSHOT_MS } = options;
    this.read.clear();
    await transaction(from.client, TAKING, async () => {
      await interruptible([from.client], signal, async () => {
        const tables = this.tables.map((table) => rowsOf(from, table));
        await lockForReading(from.client, tables);
        await setTextForms(from.client);
      });
      const endsAt = performance.now() + snapshotMs;
      await applyTaken(from, to, tenantId, { signal, copied: (table) => this.copied(table) });
      for (let step = this.next(); step;) {
        await step();
        step = performance.now() < endsAt ? this.next() : undefined;
        if (step) await this.meter.rest(signal);
      }
    });
  }

  /** Which rows are copied, on the columns of the key in `k`. */
  private copied(table: CopiedTable): string | undefined {
    if (this.position.hasAll(table)) return 'true';
    const upTo = this.position.lastKey(table);
    return upTo && inRange(table, { upTo }, 'k');
  }

  /** The next range of a table, or all of a group. */
  private async copyPart(group: CopiedGroup): Promise<void> {
    const { from, to, position } = this;
    const [table, ...others] = group;
    const isRange = table !== undefined && others.length === 0 && hasRanges(from, table);
    const isFirst = table !== undefined && position.lastKey(table) === undefined;
    const digests = await transaction(to.client, 'BEGIN', () =>
      this.interruptible(async () => {
        const range = isRange ? await this.nextRange(table) : {};
        const parts = await this.copy.copy(group, isRange ? inRange(table, range, 't') : undefined);
        for (const [n, part] of parts.entries()) {
          await position.advance(group[n]!, { upTo: range.upTo ?? null, rows: part.rows });
        }
        return parts;
      }),
    );
    for (const part of digests) this.addRead(part, isFirst);
  }

  private nextRange(table: CopiedTable): Promise<KeyRange> {
    const { rangeRows = RANGE_ROWS } = this.options;
    const size = Math.max(rangeRows, Math.ceil((this.estimated.get(table.name) ?? 0) / MAX_RANGES));
    return nextRange(this.from, table, this.tenantId, { after: this.position.lastKey(table), size });
  }

  private addRead(part: TableDigest, isFirst: boolean): void {
    const before = this.read.get(part.table);
    if (isFirst) this.read.set(part.table, part);
    else if (before) this.read.set(part.table, sumOf(before, part));
  }

  /** Both places are in the state of the present snapshot. */
  private async compare(table: CopiedTable): Promise<void> {
    const { from, to, tenantId } = this;
    const compared = this.copy.compared(table);
    await this.interruptible(async () => {
      const source = this.read.get(table.name) ?? (await digest(from, compared, tenantId));
      assertEqualDigests([source], await digestRows(to, [compared], tenantId));
      this.compared.set(table.name, source);
    });
  }

  private interruptible<T>(work: () => Promise<T>): Promise<T> {
    return interruptible([this.from.client, this.to.client], this.options.signal, work);
  }
}
