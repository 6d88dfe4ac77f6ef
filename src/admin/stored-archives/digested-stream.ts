import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

/** Passes bytes on, and counts and hashes them. */
export class DigestedStream extends Transform {
  bytes = 0;
  private readonly hash = createHash('sha256');

  /** SHA-256 of what was passed on, in hexadecimal digits. Once, at the end. */
  digest(): string {
    return this.hash.digest('hex');
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    done(null, chunk);
  }
}
