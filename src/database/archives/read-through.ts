import type { ArchiveReader } from './format/archive-reader.js';

/** Reads an archive to its end without a database. @throws ArchiveUnreadableError */
export async function readThrough(archive: ArchiveReader, signal: AbortSignal): Promise<void> {
  for await (const { pieces } of archive.tables()) {
    for await (const _piece of pieces) signal.throwIfAborted();
  }
}
