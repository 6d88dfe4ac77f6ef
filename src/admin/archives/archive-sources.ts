import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { ArchiveUnreadableError } from '../../database/archives/archive.errors.js';
import { ArchiveReader } from '../../database/archives/format/archive-reader.js';
import type { ArchiveKey } from '../../database/archives/format/locks.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import type { ArchiveSource } from './archive.schemas.js';

/** What an instance with BACKUP_URL has, by the kind of source. */
const STORED = { backup: 'archive:backups', object: 'archive:objects' } as const;
type StoredKind = keyof typeof STORED;

/** An archive's bytes, which can be read as often as is asked for, and what opens it. */
export interface OpenableArchive {
  readonly read: (signal: AbortSignal) => Promise<Readable> | Readable;
  readonly key: ArchiveKey;
  /** When its snapshot was taken, as it is recorded elsewhere; not compared unless given. */
  readonly takenAt?: string | undefined;
}

type Openers = {
  readonly [Kind in StoredKind]: (source: Extract<ArchiveSource, { kind: Kind }>) => Promise<OpenableArchive>;
};

/** What an operation requires that reads or writes objects of the store. */
export const OBJECT_STORE = STORED.object;

/** The archives that this process can read. */
@Injectable()
export class ArchiveSources {
  private readonly files = new Map<string, OpenableArchive>();
  private readonly openers: { -readonly [Kind in StoredKind]?: Openers[Kind] } = {};

  constructor(private readonly kinds: OperationKinds) {}

  /** Has operations that require this file run here. @param sha256 of its content */
  offerFile(sha256: string, archive: OpenableArchive): void {
    if (!this.files.has(sha256)) this.kinds.offer(this.requirementOf({ kind: 'file', sha256 }));
    this.files.set(sha256, archive);
  }

  /** Has operations that require what is in the store run here. */
  offerStored<Kind extends StoredKind>(kind: Kind, open: Openers[Kind]): void {
    if (!this.openers[kind]) this.kinds.offer(STORED[kind]);
    Object.assign(this.openers, { [kind]: open });
  }

  /** What an instance must have that runs an operation with this source. */
  requirementOf(source: Extract<ArchiveSource, { kind: 'file' }> | { readonly kind: StoredKind }): string {
    return source.kind === 'file' ? `archive:${source.sha256}` : STORED[source.kind];
  }

  /** Opens an archive for `work`. @throws the errors of ArchiveReader, the signal's reason */
  async use<T>(source: ArchiveSource, signal: AbortSignal, work: (archive: ArchiveReader) => Promise<T>): Promise<T> {
    const archive = await this.open(source);
    if (!archive) throw new ArchiveUnreadableError('another instance has the file');
    return useArchive(archive, signal, work);
  }

  private async open(source: ArchiveSource): Promise<OpenableArchive | undefined> {
    switch (source.kind) {
      case 'file':
        return this.files.get(source.sha256);
      case 'backup':
        return this.openers.backup?.(source);
      case 'object':
        return this.openers.object?.(source);
    }
  }
}

/** Opens an archive for `work`, and closes its source afterwards. @throws the errors of ArchiveReader, the signal's reason */
export async function useArchive<T>(
  { read, key, takenAt }: OpenableArchive,
  signal: AbortSignal,
  work: (archive: ArchiveReader) => Promise<T>,
): Promise<T> {
  const bytes = await read(signal);
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
