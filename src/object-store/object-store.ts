import type { Readable } from 'node:stream';

/** An object in a store, as it is listed. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** What ends a call early: `put` and `get` then reject with the signal's reason. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where archives are kept: a folder, or a bucket of S3. All instances see the same objects. Keys are segments of letters,
 * digits, `.`, `_` and `-`, joined by `/`, as `objectKey` requires.
 *
 * Every call has a deadline. What fails rejects with StoreUnavailableError (may pass by itself), StoreRefusedError (an operator
 * must change something) or ObjectNotFoundError.
 */
export interface ObjectStore {
  /** For messages: `file:///backups`, `s3://bucket/prefix`. Never with credentials. */
  readonly location: string;

  /**
   * Writes an object, or replaces it: readers see the former one or the whole new one, never a part, also when the process is
   * killed meanwhile. After a failure the object is as it was, or, where only the store's answer was lost, complete.
   *
   * @param content is destroyed when the call fails; its own error is rethrown as it is
   */
  put(key: string, content: Readable, options?: CallOptions): Promise<{ readonly bytes: number }>;

  /**
   * Resolves once the object is found. The stream must be read to its end or destroyed; it fails with StoreUnavailableError
   * when the store stops sending.
   */
  get(key: string, options?: CallOptions): Promise<Readable>;

  /** All objects below a prefix, which is empty or ends in `/`. Objects that are written or deleted meanwhile may be missing. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Does nothing when there is no such object. */
  delete(key: string): Promise<void>;

  /**
   * Removes what writers that were killed have left: parts of objects, which no other method shows.
   *
   * @param untouchedForMs leaves parts alone that were begun (S3) or written to (folder) more recently than this
   * @returns how many there were
   */
  removeLeftovers(untouchedForMs: number): Promise<number>;

  /** Ends its connections. */
  close(): void;
}
