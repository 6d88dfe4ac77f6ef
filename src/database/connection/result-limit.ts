import type { Socket } from 'node:net';
import type pg from 'pg';
import { CodedError } from '../../platform/errors/coded-error.js';
import { internalsOf } from './pg-internals.js';

/** What may still arrive between the request to cancel a statement and its end. */
const IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/** Raised when the result of one statement is larger than `DB_MAX_RESULT_BYTES`. */
export class ResultTooLargeError extends CodedError {
  readonly code = 'RESULT_TOO_LARGE';

  constructor(readonly maxBytes: number) {
    super(
      `the statement was cancelled, because its result exceeds ${maxBytes} bytes (DB_MAX_RESULT_BYTES): read it in pages, or with a stream`,
      { publicMessage: 'the result of a database statement is too large' },
    );
  }
}

/**
 * Counts the bytes that a connection receives for one result. It counts chunks of the socket instead of rows: that costs
 * nothing per row, and bounds a single huge value too, of which the parser reports nothing until all of it is in memory.
 */
export class ResultLimit {
  private received = 0;
  private bound = Infinity;
  private onExceeded: ((error: ResultTooLargeError) => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly maxBytes: number,
  ) {
    socket.prependListener('data', (chunk: Buffer) => {
      this.received += chunk.length;
      if (this.received > this.bound) this.refuse();
    });
  }

  /** @param maxBytes 0 for no limit */
  static set(client: pg.ClientBase, maxBytes: number): void {
    if (maxBytes > 0) limits.set(client, new ResultLimit(internalsOf(client).connection.stream, maxBytes));
  }

  /** @returns undefined for a connection without a limit */
  static of(client: pg.ClientBase): ResultLimit | undefined {
    return limits.get(client);
  }

  /**
   * A new result begins.
   *
   * @param onExceeded called once when it is too large; should it go on, or without this, the connection is destroyed
   */
  begin(onExceeded?: (error: ResultTooLargeError) => void): void {
    this.received = 0;
    this.bound = this.maxBytes;
    this.onExceeded = onExceeded;
  }

  /** The result is complete. What follows, for example the rows of a cursor, is not counted. */
  end(): void {
    this.bound = Infinity;
  }

  private refuse(): void {
    const { onExceeded } = this;
    const error = new ResultTooLargeError(this.maxBytes);
    this.onExceeded = undefined;
    this.bound = onExceeded ? this.maxBytes + IN_FLIGHT_BYTES : Infinity;
    if (onExceeded) onExceeded(error);
    else this.socket.destroy(error);
  }
}

const limits = new WeakMap<pg.ClientBase, ResultLimit>();
