import pg from 'pg';
import { columnSequences } from '../copy/bring-sequences.js';
import { copyOut } from '../copy/streams/copy-out.js';
import { columnList, type CopyPlace, rowsOf } from '../copy/copy-place.js';
import { digestRows } from '../copy/digests.js';
import type { CopiedTable } from '../copy/tables/copied-tables.js';
import { setTextForms } from '../copy/transaction.js';
import { type CopyPace, TransferMeter } from '../copy/streams/transfer-meter.js';
import { recordedMigrations } from '../table-migrations/versions/recorded-migrations.js';
import type { ArchiveWriter } from './format/archive-writer.js';
import { readSnapshot } from './read-snapshot.js';
import { type ArchiveManifest, FORMAT, FORMAT_VERSION } from './format/manifest.js';

/** A tenant and the place that has its rows. */
export interface ArchivedTenant {
  readonly id: string;
  readonly slug: string;
  readonly isolation: ArchiveManifest['tenant']['isolation'];
}

export interface ArchiveOptions {
  /** Ends the work: running statements are cancelled, and the connection stays usable. */
  readonly signal: AbortSignal;
  /** Called often, with the rows so far and the number of all rows. */
  readonly onProgress?: (rows: number, all: number) => void;
  /** Default: as fast as the server can. */
  readonly pace?: CopyPace;
}

/**
 * Writes one tenant's rows into an archive, from one snapshot. Its bytes must be read meanwhile; whatever fails ends them with
 * an error.
 *
 * @returns what the archive says about itself
 * @throws ArchiveRefusedError, the signal's reason
 */
export async function writeArchive(
  place: CopyPlace,
  tenant: ArchivedTenant,
  archive: ArchiveWriter,
  options: ArchiveOptions,
): Promise<ArchiveManifest> {
  try {
    return await readSnapshot(place, tenant.id, options.signal, async (tables) => {
      let all = 0;
      const meter = new TransferMeter((rows) => options.onProgress?.(rows, all), options.pace);
      const manifest = await describe(place, tenant, tables, () => meter.rest(options.signal));
      all = manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
      await archive.addManifest(manifest);
      await writeTables({ place, tenantId: tenant.id, tables }, archive, meter, options.signal);
      options.signal.throwIfAborted();
      archive.finish();
      return manifest;
    });
  } catch (error) {
    archive.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function describe(
  place: CopyPlace,
  { id, slug, isolation }: ArchivedTenant,
  tables: readonly CopiedTable[],
  rest: () => Promise<void>,
): Promise<ArchiveManifest> {
  const { client, schema } = place;
  const { rows } = await client.query<{ takenAt: Date; postgresVersion: number; encoding: string }>(
    `SELECT now() AS "takenAt", current_setting('server_version_num')::int AS "postgresVersion",
            current_setting('server_encoding') AS encoding`,
  );
  const [server] = rows;
  if (!server) throw new Error('the server did not describe itself');
  const digests = new Map((await digestRows(place, tables, id, rest)).map((digest) => [digest.table, digest]));
  return {
    ...{ format: FORMAT, formatVersion: FORMAT_VERSION, takenAt: server.takenAt.toISOString() },
    tenant: { slug, isolation },
    ...{ postgresVersion: server.postgresVersion, encoding: server.encoding },
    migrations: [...(await recordedMigrations(client, schema))],
    tables: tables.map(({ name, columns }) => {
      const { rows: count = 0, hash = '0' } = digests.get(name) ?? {};
      return { name, columns: [...columns], rows: count, hash };
    }),
    sequences: (await columnSequences(place)).map(({ last, ...sequence }) => ({ ...sequence, last: String(last) })),
  };
}

interface Source {
  readonly place: CopyPlace;
  readonly tenantId: string;
  readonly tables: readonly CopiedTable[];
}

async function writeTables(
  { place, tenantId, tables }: Source,
  archive: ArchiveWriter,
  meter: TransferMeter,
  signal: AbortSignal,
): Promise<void> {
  await setTextForms(place.client);
  for (const [index, table] of tables.entries()) {
    const rows = archive.table(index);
    await copyOut(place.client, rowsQuery(place, table, tenantId), async (piece) => {
      await meter.wait(piece, signal);
      await rows.write(piece);
    });
    await rows.end();
  }
}

function rowsQuery(place: CopyPlace, table: CopiedTable, tenantId: string): string {
  const where = `tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`;
  return `SELECT ${columnList(table.columns)} FROM ${rowsOf(place, table)} WHERE ${where}`;
}
