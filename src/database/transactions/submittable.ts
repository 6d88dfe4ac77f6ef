import type { EventEmitter } from 'node:events';
import { callbackify } from 'node:util';
import type pg from 'pg';
import type { PooledConnection } from '../pool/connection-pool.js';
import { discardReason } from '../connection/discard.js';
import { TransactionLostError, UnreadableSubmittableError } from './transaction.errors.js';

/** The parts of pg-cursor and pg-query-stream (which has a cursor inside) that matter here. */
interface SubmittableParts extends Partial<EventEmitter> {
  readonly text?: unknown;
  readonly cursor?: SubmittableParts;
  readonly destroyed?: boolean;
  callback?: ((error?: unknown, result?: unknown) => void) | undefined;
  close?(done?: (error: Error | null) => void): Promise<void> | undefined;
  /** Whoever waits for rows of a cursor (pg-cursor/index.js). */
  _cb?: ((error: Error) => void) | null;
  destroy?(error: unknown): void;
  handleError?(error: unknown): void;
}

/** @throws UnreadableSubmittableError when the object does not say what it would run */
export function submittableText(submittable: pg.Submittable): string {
  const { text, cursor } = submittable as SubmittableParts;
  const found = text ?? cursor?.text;
  if (typeof found !== 'string') throw new UnreadableSubmittableError();
  return found;
}

/** A stream that its reader has given up before it was sent would never close its portal. */
export function isDestroyed(submittable: pg.Submittable): boolean {
  return (submittable as SubmittableParts).destroyed === true;
}

/** Tells a cursor or stream that its connection could not be had. */
export function failSubmittable(submittable: pg.Submittable, error: unknown): void {
  const parts = submittable as SubmittableParts;
  if (parts.destroy) parts.destroy(error);
  else parts.handleError?.(error);
}

/**
 * Sends a cursor or stream and resolves when the connection is through with it: read to its end, failed, or closed by
 * its reader. The object's own events do not tell: an abandoned stream has none when the server stops it.
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
  const through = waitUntilDone(client, parts);
  boundClose(through, parts.cursor ?? parts);
  client.query(submittable);
  const reason = await through;
  if (reason !== undefined) failPendingRead(parts, connection.revoked ?? new TransactionLostError(new Error(reason)));
  // Stops the read timeout, which a bare cursor never does: it would send a stray `Sync` into somebody else's statement.
  parts.callback?.();
  return reason;
}

/** Its reader is told why the connection was taken away, instead of what the server or the socket said of that. */
function reportRevocation(connection: PooledConnection, parts: SubmittableParts): void {
  const handleError = parts.handleError?.bind(parts);
  if (handleError) parts.handleError = (error) => handleError(connection.revoked ?? error);
}

/**
 * pg-cursor closes itself to errors once the last row has come, and waits for the server to be ready: when the connection
 * dies in between, whoever waits for those rows would wait for ever.
 */
function failPendingRead(parts: SubmittableParts, error: Error): void {
  // A stream that nobody listens to is closed without a word: its error would end the process.
  if (parts.destroy) return parts.destroy(parts.listenerCount?.('error') ? error : undefined);
  const waiting = parts._cb;
  parts._cb = null;
  waiting?.(error);
}

/** `drain` is node-postgres' word for: ready for the next statement, and none is queued. */
async function waitUntilDone(client: pg.ClientBase, parts: SubmittableParts): Promise<string | undefined> {
  const settle: { now: (reason?: string) => void } = { now: () => undefined };
  const onDrain = (): void => settle.now();
  const onEnd = (): void => settle.now('its connection was closed');
  // The server's own errors leave the connection healthy and are followed by `drain`; a read timeout is not.
  const onError = (error: unknown): void => {
    const reason = discardReason(error);
    if (reason !== undefined) settle.now(reason);
  };
  const through = new Promise<string | undefined>((resolve) => {
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
  return through.finally(() => {
    client.removeListener('drain', onDrain);
    client.removeListener('end', onEnd);
  });
}

/**
 * pg-cursor closes by a message to its connection and waits for the answer. A dead connection has none, and the stream
 * would never tell its reader why it ended; one that was given back serves somebody else by now.
 */
function boundClose(through: Promise<unknown>, cursor: SubmittableParts): void {
  const close = cursor.close?.bind(cursor);
  if (!close) return;
  let isThrough = false;
  const ending = through.then(() => {
    isThrough = true;
  });
  cursor.close = (done) => {
    const closed = isThrough ? ending : Promise.race([close(), ending]);
    if (!done) return closed;
    callbackify(() => closed)(done);
    return undefined;
  };
}
