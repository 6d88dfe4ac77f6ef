import { EventEmitter } from 'node:events';
import { callbackify } from 'node:util';
import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { bindToCaller } from '../../platform/context.js';
import { RunningSubmittable, deliverError, warnOf } from './running-submittable.js';
import {
  type CursorInternals,
  cursorOf,
  type SubmittableInternals,
  submittableOf,
} from '../connection/pg-internals.js';
import { UnreadableSubmittableError } from './transaction.errors.js';

/** A cursor, stream or node-postgres `Query`, from the call of `query` until it no longer uses a connection. */
export class Submission {
  readonly text: string;
  /** Resolves when it no longer uses a connection, or never will. */
  readonly ended: Promise<void>;
  hasFailed = false;
  private readonly parts: SubmittableInternals;
  private readonly cursor: CursorInternals | undefined;
  private readonly closeCursor: (() => void) | undefined;
  private running: RunningSubmittable | undefined;
  private isClosing = false;
  private isOver = false;
  private markEnded!: () => void;

  /** @throws UnreadableSubmittableError */
  constructor(submittable: pg.Submittable) {
    this.parts = submittableOf(submittable);
    this.text = fixedTextOf(this.parts);
    this.ended = new Promise((resolve) => (this.markEnded = resolve));
    this.cursor = cursorOf(this.parts);
    const close = this.cursor?.close.bind(this.cursor);
    this.closeCursor = close && (() => void close());
    if (this.cursor) this.cursor.close = (done) => this.close(done);
    if (submittable instanceof EventEmitter) bindToCaller(submittable);
  }

  /** Whether it must not be sent any more: it was closed or destroyed before, or has failed. */
  get hasEnded(): boolean {
    return this.isOver;
  }

  /**
   * Sends it and resolves when it no longer uses the connection.
   *
   * @returns why the connection is not fit for further use, or undefined when it is
   */
  async run(connection: PooledConnection): Promise<string | undefined> {
    if (this.isOver) return undefined;
    const running = new RunningSubmittable(connection, this.parts);
    this.running = running;
    running.start();
    if (this.isClosing && this.closeCursor) running.close(this.closeCursor);
    const reason = await running.finished;
    this.hasFailed = running.hasFailed;
    this.end();
    return reason;
  }

  /** It did not get a connection, or was not admitted to one. */
  fail(error: unknown): void {
    this.hasFailed = true;
    this.end();
    const { parts } = this;
    deliverError(parts, error, (given) => (parts.destroy ? parts.destroy(given) : parts.handleError?.(given)));
  }

  /** Reports what failed after its last row: the `COMMIT`, for example over a deferred constraint. */
  reportLate(error: unknown): void {
    const emitter = this.parts as unknown as EventEmitter;
    if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
    else warnOf(error);
  }

  /** pg-cursor neither closes a cursor that was not sent yet, nor resolves on a connection that is dead. */
  private close(done?: (error: Error | null) => void): Promise<void> | undefined {
    if (this.running && !this.isOver && this.closeCursor) this.running.close(this.closeCursor);
    else if (this.isRead) this.isClosing = true;
    else this.end();
    if (!done) return this.ended;
    callbackify(() => this.ended)(done);
    return undefined;
  }

  /** Whether its reader waits for rows. */
  private get isRead(): boolean {
    return !this.parts.destroyed && (this.cursor?._queue.length ?? 0) > 0;
  }

  private end(): void {
    if (!this.running && this.cursor && !this.hasFailed) this.cursor.state = 'done';
    this.isOver = true;
    this.markEnded();
  }
}

/**
 * The text that it will send, made read-only: it was checked, and is read from the object again when it is sent.
 *
 * @throws UnreadableSubmittableError when the object does not expose it
 */
function fixedTextOf(parts: SubmittableInternals): string {
  const sender = parts.cursor ?? parts; // a stream submits its cursor
  const { text } = sender;
  if (typeof text !== 'string') throw new UnreadableSubmittableError();
  Object.defineProperty(sender, 'text', { value: text, writable: false });
  return text;
}
