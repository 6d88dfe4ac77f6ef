import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { ArchiveUnreadableError } from '../../database/archives/archive.errors.js';
import { ArchiveReader } from '../../database/archives/format/archive-reader.js';
import type { ArchiveKey } from '../../database/archives/format/locks.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import type { ArchiveSource } from './archive.schemas.js';

/** What an instance with BACKUP_URL has. */
const BACKUPS = 'archive:backups';

/** An archive's bytes, which can be read as often as is asked for, and what opens it. */
export interface OpenableArchive {
  readonly read: () => Promise<Readable> | Readable;
  readonly key: ArchiveKey;
  /** When its snapshot was taken, as it is recorded elsewhere; not compared unless given. */
  readonly takenAt?: string | undefined;
}

/** The archives that this process can read. */
@Injectable()
export class ArchiveSources {
  private readonly files = new Map<string, OpenableArchive>();
  private openBackup: ((id: string) => Promise<OpenableArchive>) | undefined;

  constructor(private readonly kinds: OperationKinds) {}

  /** Has operations that require this file run here. @param sha256 of its content */
  offerFile(sha256: string, archive: OpenableArchive): void {
    if (!this.files.has(sha256)) this.kinds.offer(this.requirementOf({ kind: 'file', sha256 }));
    this.files.set(sha256, archive);
  }

  /** Has operations that require a backup run here. */
  offerBackups(open: (id: string) => Promise<OpenableArchive>): void {
    if (!this.openBackup) this.kinds.offer(BACKUPS);
    this.openBackup = open;
  }

  /** What an instance must have that runs an operation with this source. */
  requirementOf(source: ArchiveSource): string {
    return source.kind === 'backup' ? BACKUPS : `archive:${source.sha256}`;
  }

  /** Opens an archive for `work`. @throws the errors of ArchiveReader, the signal's reason */
  async use<T>(source: ArchiveSource, signal: AbortSignal, work: (archive: ArchiveReader) => Promise<T>): Promise<T> {
    const archive = source.kind === 'backup' ? await this.openBackup?.(source.id) : this.files.get(source.sha256);
    if (!archive) throw new ArchiveUnreadableError('another instance has the file');
    return useArchive(archive, signal, work);
  }
}

/** Opens an archive for `work`, and closes its source afterwards. @throws the errors of ArchiveReader, the signal's reason */
export async function useArchive<T>(
  { read, key, takenAt }: OpenableArchive,
  signal: AbortSignal,
  work: (archive: ArchiveReader) => Promise<T>,
): Promise<T> {
  const bytes = await read();
  const stop = (): void => void bytes.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const archive = await ArchiveReader.open(bytes, key);
    if (takenAt !== undefined && archive.manifest.takenAt !== takenAt) {
      throw new ArchiveUnreadableError('it is not the one that was recorded');
    }
    return await work(archive);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    bytes.on('error', () => undefined); // of a source that is destroyed while it is read
    bytes.destroy();
  }
}
