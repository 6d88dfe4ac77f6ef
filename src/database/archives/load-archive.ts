import { advanceSequences } from '../copy/bring-sequences.js';
import { copyIn } from '../copy/streams/copy-in.js';
import { columnList, type CopyPlace, qualified } from '../copy/copy-place.js';
import { assertEqualDigests, digestRows } from '../copy/digests.js';
import { interruptible } from '../copy/interruptible.js';
import { writing } from '../copy/refusals.js';
import { removeTenantRows } from '../copy/remove-tenant-rows.js';
import { type CopiedGroup, type CopiedTable, copiedTables } from '../copy/tables/copied-tables.js';
import { insertStaged, type StagedTable, stageTable } from '../copy/staged-rows.js';
import { setWriting, transaction } from '../copy/transaction.js';
import { TransferMeter } from '../copy/streams/transfer-meter.js';
import { ArchiveTablesError } from './archive.errors.js';
import { withoutTenant } from './archived-tables.js';
import type { ArchiveReader, TableRows } from './format/archive-reader.js';
import type { ArchivedTable, ArchiveManifest } from './format/manifest.js';
import { RowPrefix } from './row-prefix.js';
import type { ArchiveOptions } from './write-archive.js';

/**
 * Makes an archive's rows those of a tenant, at a place whose tables are at the archive's version and hold no other rows, and
 * compares what arrived with what the archive says. Removes the tenant's rows first, so that it can be run again after any
 * failure. Everything is one transaction.
 *
 * @throws ArchiveUnreadableError, ArchiveTablesError, CopyRefusedError, CopyMismatchError, the signal's reason
 */
export async function loadArchive(
  archive: ArchiveReader,
  place: CopyPlace,
  tenantId: string,
  options: ArchiveOptions,
): Promise<void> {
  const { client, schema } = place;
  await interruptible([client], options.signal, async () => {
    await removeTenantRows(client, schema, tenantId, { signal: options.signal });
    await transaction(client, 'BEGIN', async () => {
      const load = new RowLoad(archive.manifest, place, tenantId, await copiedTables(client, schema), options);
      await setWriting(client, schema);
      for await (const rows of archive.tables()) await load.add(rows);
      await load.verify();
    });
    await advanceSequences(
      place,
      archive.manifest.sequences.map(({ last, ...sequence }) => ({ ...sequence, last: BigInt(last) })),
    );
  });
}

class RowLoad {
  private readonly meter: TransferMeter;
  private readonly signal: AbortSignal;
  private readonly tables: readonly CopiedTable[];
  /** Tables of a cycle of foreign keys that are in temporary ones until all of them are there. */
  private readonly staged = new Map<string, StagedTable>();

  /** @throws ArchiveTablesError */
  constructor(
    private readonly manifest: ArchiveManifest,
    private readonly place: CopyPlace,
    private readonly tenantId: string,
    private readonly groups: readonly CopiedGroup[],
    { signal, onProgress, pace }: ArchiveOptions,
  ) {
    this.signal = signal;
    this.tables = archivedTables(manifest, withoutTenant(groups));
    const all = manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
    this.meter = new TransferMeter((rows) => onProgress?.(rows, all), pace);
  }

  async add({ table: { name, columns }, pieces }: TableRows): Promise<void> {
    const group = this.groups.find((one) => one.some((table) => table.name === name)) ?? [];
    const list = columnList(['tenant_id', ...columns]);
    if (group.length <= 1) return this.copy(qualified(this.place, name), list, pieces, name);
    const into = await stageTable(this.place, { table: name, columns: ['tenant_id', ...columns], n: this.staged.size });
    await this.copy(into.staged, list, pieces, name);
    this.staged.set(name, into);
    const all = group.flatMap((table) => this.staged.get(table.name) ?? []);
    if (all.length === group.length) await insertStaged(this.place, all);
  }

  /** @throws CopyMismatchError */
  async verify(): Promise<void> {
    const expected = this.manifest.tables.map(({ name, rows, hash }) => ({ table: name, rows, hash }));
    const rest = (): Promise<void> => this.meter.rest(this.signal);
    assertEqualDigests(expected, await digestRows(this.place, this.tables, this.tenantId, rest));
  }

  private copy(into: string, columns: string, pieces: AsyncIterable<Buffer>, table: string): Promise<void> {
    return writing(() => copyIn(this.place.client, `${into} (${columns})`, this.withTenant(pieces)), table);
  }

  private async *withTenant(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const prefix = new RowPrefix(this.tenantId);
    for await (const piece of pieces) {
      await this.meter.wait(piece, this.signal);
      yield prefix.add(piece);
    }
  }
}

/** The place's tables with the archive's order of tables and columns. */
function archivedTables(manifest: ArchiveManifest, tables: readonly CopiedTable[]): CopiedTable[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const found = manifest.tables.map((archived) => withColumns(archived, byName.get(archived.name)));
  const missing = tables.find(({ name }) => !manifest.tables.some((archived) => archived.name === name));
  if (missing) throw new ArchiveTablesError(`it has no rows of table "${missing.name}", which its migrations make`);
  return found;
}

function withColumns({ name, columns }: ArchivedTable, table: CopiedTable | undefined): CopiedTable {
  if (!table) throw new ArchiveTablesError(`its migrations make no table "${name}"`);
  if (columns.toSorted().join('\0') !== table.columns.toSorted().join('\0')) {
    throw new ArchiveTablesError(`its table "${name}" has other columns than its migrations make`);
  }
  return { ...table, columns };
}
