import type { EventEmitter } from 'node:events';
import { callbackify } from 'node:util';
import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { TransactionLostError, UnreadableSubmittableError } from './transaction.errors.js';

/** The relevant parts of pg-cursor and of pg-query-stream, which wraps a cursor. */
interface SubmittableParts extends Partial<EventEmitter> {
  readonly text?: unknown;
  readonly cursor?: SubmittableParts;
  readonly destroyed?: boolean;
  callback?: ((error?: unknown, result?: unknown) => void) | undefined;
  close?(done?: (error: Error | null) => void): Promise<void> | undefined;
  /** The callback of a cursor's pending `read` (pg-cursor/index.js). */
  _cb?: ((error: Error) => void) | null;
  destroy?(error: unknown): void;
  handleError?(error: unknown): void;
}

/** @throws UnreadableSubmittableError when the object does not expose the text that it would run */
export function submittableText(submittable: pg.Submittable): string {
  const { text, cursor } = submittable as SubmittableParts;
  const found = text ?? cursor?.text;
  if (typeof found !== 'string') throw new UnreadableSubmittableError();
  return found;
}

/** Whether a stream was destroyed before it was sent. Such a stream must not be sent: it would never close its portal. */
export function isDestroyed(submittable: pg.Submittable): boolean {
  return (submittable as SubmittableParts).destroyed === true;
}

/** Fails a cursor or stream that did not get a connection. */
export function failSubmittable(submittable: pg.Submittable, error: unknown): void {
  const parts = submittable as SubmittableParts;
  if (parts.destroy) parts.destroy(error);
  else parts.handleError?.(error);
}

/**
 * Sends a cursor or stream and resolves when it no longer uses the connection: it was read to its end, failed, or was
 * closed by its reader. The object's own events are not enough: an abandoned stream emits none when the server stops it.
 *
 * @returns why the connection is not fit for further use, or undefined when it is
 */
export async function runSubmittable(
  connection: PooledConnection,
  submittable: pg.Submittable,
): Promise<string | undefined> {
  const { client } = connection;
  const parts = submittable as SubmittableParts;
  reportRevocation(connection, parts);
  const finished = waitUntilFinished(client, parts);
  guardClose(finished, parts.cursor ?? parts);
  client.query(submittable);
  const reason = await finished;
  if (reason !== undefined) failPendingRead(parts, connection.revoked ?? new TransactionLostError(new Error(reason)));
  // Stops the read timeout, which a bare cursor never does: it would send a stray `Sync` into another caller's statement.
  parts.callback?.();
  return reason;
}

/** The reader receives the reason for the revocation, instead of the error that it caused on the server or the socket. */
function reportRevocation(connection: PooledConnection, parts: SubmittableParts): void {
  const handleError = parts.handleError?.bind(parts);
  if (handleError) parts.handleError = (error) => handleError(connection.revoked ?? error);
}

/**
 * After the last row pg-cursor ignores errors and waits for the server to be ready: if the connection dies in between, a
 * pending `read` would never settle.
 */
function failPendingRead(parts: SubmittableParts, error: Error): void {
  // A stream without an error listener is destroyed without the error, which would otherwise end the process.
  if (parts.destroy) return parts.destroy(parts.listenerCount?.('error') ? error : undefined);
  const pendingRead = parts._cb;
  parts._cb = null;
  pendingRead?.(error);
}

/** node-postgres emits `drain` when it is ready for the next statement and its queue is empty. */
async function waitUntilFinished(client: pg.ClientBase, parts: SubmittableParts): Promise<string | undefined> {
  const settle: { now: (reason?: string) => void } = { now: () => undefined };
  const onDrain = (): void => settle.now();
  const onEnd = (): void => settle.now('its connection was closed');
  // The server's own errors leave the connection healthy and are followed by `drain`; a read timeout is not.
  const onError = (error: unknown): void => {
    const reason = discardReason(error);
    if (reason !== undefined) settle.now(reason);
  };
  const finished = new Promise<string | undefined>((resolve) => {
    settle.now = resolve;
  });
  const { callback } = parts;
  parts.callback = (error, result) => {
    if (error !== undefined && error !== null) onError(error);
    if (error !== undefined || result !== undefined) callback?.(error, result);
  };
  (parts.cursor ?? parts).on?.('error', onError);
  client.once('drain', onDrain);
  client.once('end', onEnd);
  return finished.finally(() => {
    client.removeListener('drain', onDrain);
    client.removeListener('end', onEnd);
  });
}

/**
 * pg-cursor closes by sending a message and waiting for the response. On a dead connection none comes, and the stream
 * would never report to its reader why it ended; a released connection serves another caller by now.
 */
function guardClose(finished: Promise<unknown>, cursor: SubmittableParts): void {
  const close = cursor.close?.bind(cursor);
  if (!close) return;
  let isFinished = false;
  const ending = finished.then(() => {
    isFinished = true;
  });
  cursor.close = (done) => {
    const closed = isFinished ? ending : Promise.race([close(), ending]);
    if (!done) return closed;
    callbackify(() => closed)(done);
    return undefined;
  };
}
