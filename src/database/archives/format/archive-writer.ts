import { Readable } from 'node:stream';
import type { TarPackController } from 'modern-tar';
import { MANIFEST, pieceName } from './entries.js';
import type { ArchiveLock } from './locks.js';
import type { ArchiveManifest } from './manifest.js';

/** Of a piece of a table: bounds the memory of a reader that needs a piece as a whole. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Writes an archive: a tar file of the manifest and of each table's rows in pieces, compressed with gzip, encrypted with age.
 * `bytes` must be read while it is written. A failure of either side ends the other.
 */
export class ArchiveWriter {
  /** The archive, to its end or to an error. */
  readonly bytes: Readable;

  private constructor(
    private readonly tar: TarPackController,
    bytes: ReadableStream<Uint8Array>,
  ) {
    this.bytes = Readable.fromWeb(bytes as Parameters<typeof Readable.fromWeb>[0], { objectMode: false });
  }

  static async open(lock: ArchiveLock): Promise<ArchiveWriter> {
    const [{ createTarPacker }, { Encrypter }] = await Promise.all([import('modern-tar'), import('age-encryption')]);
    const encrypter = new Encrypter();
    if ('passphrase' in lock) {
      encrypter.setPassphrase(lock.passphrase);
      if (lock.workFactor !== undefined) encrypter.setScryptWorkFactor(lock.workFactor);
    } else for (const recipient of lock.recipients) encrypter.addRecipient(recipient);
    const { readable, controller } = createTarPacker();
    const compressed = readable.pipeThrough(new CompressionStream('gzip'));
    return new ArchiveWriter(controller, await encrypter.encrypt(compressed));
  }

  addManifest(manifest: ArchiveManifest): Promise<void> {
    return this.addEntry(MANIFEST, Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`));
  }

  /** @param index of the table in the manifest, from 0 */
  table(index: number): TableWriter {
    return new TableWriter(index, (name, data) => this.addEntry(name, data));
  }

  finish(): void {
    this.tar.finalize();
  }

  /** Ends `bytes` with this error. */
  abort(error: Error): void {
    this.tar.error(error);
  }

  private async addEntry(name: string, data: Buffer): Promise<void> {
    const writer = this.tar.add({ name, size: data.length, mode: 0o600 }).getWriter();
    await writer.write(new Uint8Array(data.buffer, data.byteOffset, data.length));
    await writer.close();
  }
}

/** Cuts the rows of a table into pieces, which are entries of the tar file. */
class TableWriter {
  private pieces = 0;
  private held: Buffer[] = [];
  private heldBytes = 0;

  constructor(
    private readonly index: number,
    private readonly add: (name: string, data: Buffer) => Promise<void>,
  ) {}

  async write(rows: Buffer): Promise<void> {
    this.held.push(rows);
    this.heldBytes += rows.length;
    if (this.heldBytes >= PIECE_BYTES) await this.flush();
  }

  async end(): Promise<void> {
    if (this.heldBytes > 0) await this.flush();
  }

  private async flush(): Promise<void> {
    const data = Buffer.concat(this.held);
    [this.held, this.heldBytes] = [[], 0];
    this.pieces += 1;
    await this.add(pieceName(this.index, this.pieces), data);
  }
}
