import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ArchiveReader } from '../../../src/database/archives/format/archive-reader.js';
import { ArchiveWriter } from '../../../src/database/archives/format/archive-writer.js';
import type { ArchiveKey, ArchiveLock } from '../../../src/database/archives/format/locks.js';
import { type ArchiveManifest, FORMAT, FORMAT_VERSION } from '../../../src/database/archives/format/manifest.js';
import { type ArchivedTenant, writeArchive } from '../../../src/database/archives/write-archive.js';
import { readThrough } from '../../../src/database/archives/read-through.js';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';

const signal = new AbortController().signal;

/** An archive in memory, of a tenant's rows in a database. */
export async function archiveOf(place: CopyPlace, tenant: ArchivedTenant, lock: ArchiveLock): Promise<Buffer> {
  const archive = await ArchiveWriter.open(lock);
  const [bytes] = await Promise.all([buffer(archive.bytes), writeArchive(place, tenant, archive, { signal })]);
  return bytes;
}

/** An archive of these texts of COPY's format, with a manifest that may say something else. */
export async function archiveWith(
  tables: Readonly<Record<string, string>>,
  lock: ArchiveLock,
  change: (manifest: ArchiveManifest) => unknown = (manifest) => manifest,
): Promise<Buffer> {
  const archive = await ArchiveWriter.open(lock);
  const write = async (): Promise<void> => {
    await archive.addManifest(change(manifestOf(tables)) as ArchiveManifest);
    for (const [index, text] of Object.values(tables).entries()) {
      const table = archive.table(index);
      await table.write(Buffer.from(text));
      await table.end();
    }
    archive.finish();
  };
  const [bytes] = await Promise.all([buffer(archive.bytes), write()]);
  return bytes;
}

function manifestOf(tables: Readonly<Record<string, string>>): ArchiveManifest {
  return {
    ...{ format: FORMAT, formatVersion: FORMAT_VERSION, takenAt: '2030-01-01T00:00:00.000Z' },
    ...{ tenant: { slug: 'acme', isolation: 'schema' }, postgresVersion: 180_000, encoding: 'UTF8', migrations: [] },
    tables: Object.entries(tables).map(([name, text]) => ({
      ...{ name, columns: ['id', 'text'], hash: '0' },
      rows: text.split('\n').length - 1,
    })),
    sequences: [],
  };
}

export function open(bytes: Buffer, key: ArchiveKey): Promise<ArchiveReader> {
  return ArchiveReader.open(Readable.from(pieces(bytes)), key);
}

/** The code of the error with which reading an archive to its end fails; undefined when nothing is wrong. */
export async function failureOf(bytes: Buffer, key: ArchiveKey): Promise<string | undefined> {
  try {
    await readThrough(await open(bytes, key), signal);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}
