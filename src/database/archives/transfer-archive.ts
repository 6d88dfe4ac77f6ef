import type { Readable } from 'node:stream';
import type { CopyPlace } from '../copy/copy-place.js';
import { ArchiveWriter } from './format/archive-writer.js';
import type { ArchiveLock } from './format/locks.js';
import type { ArchiveManifest } from './format/manifest.js';
import { type ArchivedTenant, type ArchiveOptions, writeArchive } from './write-archive.js';

/** A tenant, where its rows are, and who can read them from the archive. */
export interface ArchiveOrigin {
  readonly place: CopyPlace;
  readonly tenant: ArchivedTenant;
  readonly lock: ArchiveLock;
}

/**
 * Writes one tenant's rows into an archive, while `save` reads its bytes to their end. What fails on one side ends the other
 * one: neither a snapshot nor a file stays open for nothing.
 *
 * @param save destroys the bytes when it fails, as pipelines do, and throws their own error when these end with one
 * @throws the error of `save`, otherwise those of `writeArchive`
 */
export async function transferArchive<T>(
  { place, tenant, lock }: ArchiveOrigin,
  save: (bytes: Readable) => Promise<T>,
  options: ArchiveOptions,
): Promise<{ readonly manifest: ArchiveManifest; readonly saved: T }> {
  const archive = await ArchiveWriter.open(lock);
  const notSaved = new AbortController();
  const signal = AbortSignal.any([options.signal, notSaved.signal]);
  const saving = save(archive.bytes);
  saving.catch((error: unknown) => notSaved.abort(error));
  const [written, saved] = await Promise.allSettled([
    writeArchive(place, tenant, archive, { ...options, signal }),
    saving,
  ]);
  options.signal.throwIfAborted();
  if (saved.status === 'rejected') throw saved.reason;
  if (written.status === 'rejected') throw written.reason;
  return { manifest: written.value, saved: saved.value };
}
