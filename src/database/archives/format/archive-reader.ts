import type { Readable } from 'node:stream';
import type { ReadableWritablePair } from 'node:stream/web';
import type { ParsedTarEntry } from 'modern-tar';
import { CodedError } from '../../../platform/errors/coded-error.js';
import { ArchiveLockedError, ArchiveUnreadableError } from '../archive.errors.js';
import { readAgeHeader } from './age-header.js';
import { MANIFEST, parsePieceName } from './entries.js';
import type { ArchiveKey } from './locks.js';
import { type ArchivedTable, type ArchiveManifest, parseManifest } from './manifest.js';

const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
const MAX_PIECE_BYTES = 2 * 1024 * 1024 * 1024;
/** gzip makes 1,032 bytes of one at most; tables come nowhere near that. */
const MAX_EXPANSION = 300;
const FREE_BYTES = 64 * 1024 * 1024;

/** The rows of a table: pieces of COPY's text format, which together are whole rows. */
export interface TableRows {
  readonly table: ArchivedTable;
  readonly pieces: AsyncIterable<Buffer>;
}

/**
 * Reads an archive from its beginning to its end, in bounded memory. What it finds is checked while it is read: each method
 * throws ArchiveUnreadableError for a file that is not as it was written, ArchiveLockedError for one that the key does not open.
 */
export class ArchiveReader {
  private constructor(
    readonly manifest: ArchiveManifest,
    private readonly entries: Entries,
  ) {}

  /** Reads as far as the manifest. The caller destroys the source when it is done, also after an error. */
  static async open(source: Readable, key: ArchiveKey): Promise<ArchiveReader> {
    return readable(async () => {
      const entries = await Entries.open(source, key);
      const first = await entries.next();
      if (first?.name !== MANIFEST) throw new ArchiveUnreadableError('it does not begin with a manifest');
      return new ArchiveReader(parseManifest(await textOf(first)), entries);
    });
  }

  /** The tables in the manifest's order; the pieces of each must be read before the next. */
  async *tables(): AsyncGenerator<TableRows> {
    for (const [index, table] of this.manifest.tables.entries()) {
      const counted = new RowCount(table);
      yield { table, pieces: this.pieces(index, counted) };
      counted.assertComplete();
    }
    const after = await readable(() => this.entries.next());
    if (after) throw new ArchiveUnreadableError('it has more than the tables of its manifest');
  }

  private async *pieces(index: number, count: RowCount): AsyncGenerator<Buffer> {
    for (let piece = 1; ; piece += 1) {
      const entry = await readable(() => this.entries.peek());
      const found = entry && parsePieceName(entry.name);
      if (entry && !found) throw new ArchiveUnreadableError('it has an entry that is not a part of a table');
      if (!entry || found?.table !== index) break;
      if (found.piece !== piece) throw new ArchiveUnreadableError('a part of a table is missing');
      await this.entries.next();
      for await (const chunk of chunksOf(entry)) {
        count.add(chunk);
        yield chunk;
      }
    }
    count.isRead = true;
  }
}

interface Entry {
  readonly name: string;
  readonly size: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** The entries of the tar file, each of which is a file. */
class Entries {
  private ahead: Promise<Entry | undefined> | undefined;

  private constructor(private readonly tar: AsyncIterator<ParsedTarEntry>) {}

  static async open(source: Readable, key: ArchiveKey): Promise<Entries> {
    const [{ createTarDecoder }, decrypted] = await Promise.all([import('modern-tar'), decrypt(source, key)]);
    const meter = new ExpansionMeter();
    const tar = decrypted
      .pipeThrough(meter.compressed)
      .pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>)
      .pipeThrough(meter.expanded)
      .pipeThrough(createTarDecoder({ strict: true }));
    return new Entries(tar[Symbol.asyncIterator]());
  }

  peek(): Promise<Entry | undefined> {
    return (this.ahead ??= this.read());
  }

  next(): Promise<Entry | undefined> {
    const entry = this.peek();
    this.ahead = undefined;
    return entry;
  }

  private async read(): Promise<Entry | undefined> {
    const next = await this.tar.next();
    if (next.done) return undefined;
    const { header, body } = next.value;
    if (header.type !== undefined && header.type !== 'file') {
      throw new ArchiveUnreadableError('it has an entry that is not a file');
    }
    if (header.size > MAX_PIECE_BYTES) throw new ArchiveUnreadableError('it has an entry that is too large');
    return { name: header.name, size: header.size, body };
  }
}

/** Counts rows, each of which ends in a line break: COPY's text format has no other ones. */
class RowCount {
  private rows = 0;
  private last = NEWLINE;
  isRead = false;

  constructor(private readonly table: ArchivedTable) {}

  add(chunk: Buffer): void {
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) this.rows += 1;
    this.last = chunk.at(-1) ?? this.last;
    if (this.rows > this.table.rows) throw new ArchiveUnreadableError('a table has more rows than its manifest says');
  }

  assertComplete(): void {
    if (!this.isRead) throw new Error('the rows of a table were not read');
    if (this.last !== NEWLINE || this.rows !== this.table.rows) {
      throw new ArchiveUnreadableError('a table has fewer rows than its manifest says');
    }
  }
}

const NEWLINE = 0x0a;

class ExpansionMeter {
  private compressedBytes = 0;
  private expandedBytes = 0;
  readonly compressed = this.count((bytes) => (this.compressedBytes += bytes));
  readonly expanded = this.count((bytes) => (this.expandedBytes += bytes));

  private count(add: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        add(chunk.length);
        if (this.expandedBytes > FREE_BYTES + this.compressedBytes * MAX_EXPANSION) {
          throw new ArchiveUnreadableError(`it expands to more than ${MAX_EXPANSION} times its size`);
        }
        controller.enqueue(chunk);
      },
    });
  }
}

async function decrypt(source: Readable, key: ArchiveKey): Promise<ReadableStream<Uint8Array>> {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  if ('passphrase' in key) decrypter.addPassphrase(key.passphrase);
  else for (const identity of key.identities) decrypter.addIdentity(identity);
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const head = await readAgeHeader(chunks);
  const whole = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(head)),
    pull: async (controller) => {
      const next = await chunks.next();
      if (next.done) controller.close();
      else controller.enqueue(new Uint8Array(next.value));
    },
  });
  try {
    return await decrypter.decrypt(whole);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('no identity matched')) {
      throw new ArchiveLockedError('passphrase' in key ? 'the passphrase is wrong' : 'it is not for this identity');
    }
    throw error;
  }
}

async function textOf(entry: Entry): Promise<string> {
  if (entry.size > MAX_MANIFEST_BYTES) throw new ArchiveUnreadableError('its manifest is too large');
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(entry)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function* chunksOf({ body }: Entry): AsyncGenerator<Buffer> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await readable(() => reader.read());
    if (done) return;
    yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}

/** Errors of age, gzip and tar say the same to a user: the file is not as it was written. */
async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CodedError || isOfSource(error)) throw error;
    throw new ArchiveUnreadableError('it was changed, or is incomplete', { cause: error });
  }
}

/** The file itself could not be read: of disks and networks. */
function isOfSource(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
