import type * as ClientS3 from '@aws-sdk/client-s3';
import type * as LibStorage from '@aws-sdk/lib-storage';
import type { Readable } from 'node:stream';
import { DeadlineError } from '../platform/timeout.js';
import { isObjectKey, objectKey, objectPrefix } from './object-key.js';
import { type CallOptions, type ObjectStore, type StoredObject } from './object-store.js';
import { ObjectNotFoundError, StoreUnavailableError } from './object-store.errors.js';
import { isMissingObject, s3Failure } from './s3-failure.js';
import { Relay } from './relay.js';

/** The SDK, which is loaded only where S3 is configured. */
export interface S3Packages {
  readonly s3: typeof ClientS3;
  readonly storage: typeof LibStorage;
}

export interface S3Place {
  readonly bucket: string;
  /** Empty, or without `/` at either end. */
  readonly prefix: string;
}

/** In ms. */
export interface S3Deadlines {
  /** To connect. */
  readonly connectMs: number;
  /** One attempt, in which one part of an object is sent. */
  readonly attemptMs: number;
  /** A call with its retries, except `put`, whose parts are calls of their own. */
  readonly callMs: number;
  /** In which an object that is read must deliver something. */
  readonly stallMs: number;
}

const DEADLINES: S3Deadlines = { connectMs: 5_000, attemptMs: 120_000, callMs: 300_000, stallMs: 60_000 };
const MAX_ATTEMPTS = 3;
/** As archives are named: `<tenant id>/<archive id>.age`, exports below `exports/`, files that a command passes on below `imports/`. */
const OWN_KEY = /^(?:(?:exports\/)?[0-9a-f-]{36}\/[0-9a-f-]{36}|imports\/[0-9a-f]{64})\.age$/;
/** An object has 10,000 parts at most: 160 GB. Each upload has `PARTS_AT_ONCE` of them in memory, and the next one. */
const PART_BYTES = 16 * 1_048_576;
const PARTS_AT_ONCE = 2;

/** Objects of a bucket of S3, or of another store with its protocol. */
export class S3Store implements ObjectStore {
  readonly location: string;
  private readonly client: ClientS3.S3Client;
  private readonly prefix: string;
  private readonly deadlines: S3Deadlines;

  /** @param options.pathStyle whether the bucket is named in the path instead of the host name */
  constructor(
    private readonly packages: S3Packages,
    private readonly place: S3Place,
    { pathStyle = false, deadlines }: { readonly pathStyle?: boolean; readonly deadlines?: Partial<S3Deadlines> } = {},
  ) {
    this.prefix = place.prefix === '' ? '' : `${place.prefix}/`;
    this.location = `s3://${place.bucket}${place.prefix === '' ? '' : `/${place.prefix}`}`;
    this.deadlines = { ...DEADLINES, ...deadlines };
    const { connectMs, attemptMs } = this.deadlines;
    this.client = new packages.s3.S3Client({
      maxAttempts: MAX_ATTEMPTS,
      forcePathStyle: pathStyle,
      // Without `throwOnRequestTimeout` a request that takes too long is only logged.
      requestHandler: { connectionTimeout: connectMs, requestTimeout: attemptMs, throwOnRequestTimeout: true },
    });
  }

  async put(key: string, content: Readable, { signal }: CallOptions = {}): Promise<{ bytes: number }> {
    const Body = new Relay(content, { signal });
    let sourceFailure: unknown;
    Body.once('error', (error) => (sourceFailure = error));
    try {
      const params = { ...this.address(key), Body };
      const client = this.uploadingClient(Body, signal);
      await new this.packages.storage.Upload({ client, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }).done();
      return { bytes: Body.bytes };
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw sourceFailure ?? s3Failure(this.location, error);
    } finally {
      Body.destroy();
    }
  }

  /**
   * The client for one upload, whose parts end with the signal. A part that failed for good ends the reading of its content,
   * which the other parts' senders would read to its end otherwise; then the upload is aborted, and only then rejects.
   */
  private uploadingClient(content: Readable, signal: AbortSignal | undefined): ClientS3.S3Client {
    const { PutObjectCommand, UploadPartCommand } = this.packages.s3;
    const send = async (command: ClientS3.UploadPartCommand): Promise<unknown> => {
      if (!(command instanceof PutObjectCommand || command instanceof UploadPartCommand)) {
        return this.call((abortSignal) => this.client.send(command, { abortSignal }));
      }
      try {
        return await this.client.send(command, signal ? { abortSignal: signal } : {});
      } catch (error) {
        const failure = s3Failure(this.location, error) as Error;
        content.destroy(failure);
        throw failure;
      }
    };
    return Object.create(this.client, { send: { value: send } }) as ClientS3.S3Client;
  }

  async get(key: string, { signal }: CallOptions = {}): Promise<Readable> {
    const command = new this.packages.s3.GetObjectCommand(this.address(key));
    signal?.throwIfAborted();
    try {
      const { Body } = await this.within(signal, (abortSignal) => this.client.send(command, { abortSignal }));
      const failure = (error: unknown): unknown => this.readFailure(error);
      return new Relay(Body as Readable, { signal, stallMs: this.deadlines.stallMs, failure });
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw isMissingObject(error) ? new ObjectNotFoundError(this.location, key) : s3Failure(this.location, error);
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void, void> {
    const { ListObjectsV2Command } = this.packages.s3;
    const Prefix = `${this.prefix}${objectPrefix(prefix)}`;
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket: this.place.bucket, Prefix, ContinuationToken });
      const page = await this.call((abortSignal) => this.client.send(command, { abortSignal }));
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const key = Key.slice(this.prefix.length);
        if (LastModified && isObjectKey(key)) yield { key, bytes: Size, modifiedAt: LastModified };
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  async delete(key: string): Promise<void> {
    const command = new this.packages.s3.DeleteObjectCommand(this.address(key));
    await this.call((abortSignal) => this.client.send(command, { abortSignal }));
  }

  async removeLeftovers(untouchedForMs: number): Promise<number> {
    const { AbortMultipartUploadCommand, ListMultipartUploadsCommand } = this.packages.s3;
    const Bucket = this.place.bucket;
    let removed = 0;
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
    while (marker) {
      const command: ClientS3.ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
        ...{ Bucket, Prefix: this.prefix },
        ...marker,
      });
      const page = await this.call((abortSignal) => this.client.send(command, { abortSignal }));
      for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
        if (!this.isOwn(Key) || !Initiated || Date.now() - Initiated.getTime() < untouchedForMs) continue;
        const abort = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
        await this.call((abortSignal) => this.client.send(abort, { abortSignal }));
        removed += 1;
      }
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
      marker = IsTruncated ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined;
    }
    return removed;
  }

  close(): void {
    this.client.destroy();
  }

  /** Others may use the bucket too. */
  private isOwn(key: string): boolean {
    return key.startsWith(this.prefix) && OWN_KEY.test(key.slice(this.prefix.length));
  }

  private address(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.place.bucket, Key: `${this.prefix}${objectKey(key)}` };
  }

  private async call<T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await this.within(undefined, work);
    } catch (error) {
      throw s3Failure(this.location, error);
    }
  }

  /** The deadline ends with the answer's head: a signal that fired later would end its body. */
  private async within<T>(signal: AbortSignal | undefined, work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    const { callMs } = this.deadlines;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), callMs);
    try {
      return await work(signal ? AbortSignal.any([signal, late.signal]) : late.signal);
    } catch (error) {
      if (late.signal.aborted) throw new StoreUnavailableError(this.location, new DeadlineError(callMs).message);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private readFailure(error: unknown): unknown {
    if (error instanceof DeadlineError) return new StoreUnavailableError(this.location, error.message);
    return s3Failure(this.location, error);
  }
}
