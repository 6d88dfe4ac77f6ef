import { ArchiveLockedError, ArchiveUnreadableError } from '../archive.errors.js';

const VERSION_LINE = 'age-encryption.org/v1\n';
const MAX_HEADER_BYTES = 64 * 1024;
/** 256 MiB of memory and about a second. age's own default for new files. */
const MAX_WORK_FACTOR = 18;

/**
 * Reads the first bytes of a file, and checks that they are a header of age that is no larger than any that we write: the
 * decryption itself would read a header of any length into memory, and spend what its work factor asks for.
 *
 * @returns all bytes that were read
 * @throws ArchiveUnreadableError, ArchiveLockedError
 */
export async function readAgeHeader(source: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for (;;) {
    assertVersion(head);
    const end = head.subarray(0, MAX_HEADER_BYTES).indexOf('\n---');
    if (end !== -1) {
      assertWorkFactor(head.toString('latin1', 0, end));
      return head;
    }
    if (head.length >= MAX_HEADER_BYTES) throw new ArchiveUnreadableError('it is not encrypted with age');
    const next = await source.next();
    if (next.done) throw new ArchiveUnreadableError('it ends within its header');
    head = Buffer.concat([head, next.value]);
  }
}

function assertVersion(head: Buffer): void {
  const expected = VERSION_LINE.slice(0, head.length);
  if (head.toString('latin1', 0, expected.length) !== expected) {
    throw new ArchiveUnreadableError('it is not encrypted with age');
  }
}

function assertWorkFactor(header: string): void {
  const factor = /^-> scrypt \S+ (\d+)$/m.exec(header)?.[1];
  if (factor !== undefined && Number(factor) > MAX_WORK_FACTOR) {
    throw new ArchiveLockedError(`its passphrase has a work factor of ${factor}, more than ${MAX_WORK_FACTOR}`);
  }
}
