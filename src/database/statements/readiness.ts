import type pg from 'pg';
import { isReady } from './wire.js';

/** How long a server may take from reporting an error to being ready for the next statement. */
const READY_WITHIN_MS = 5_000;

/**
 * node-postgres reports an error as it arrives, which is before the server is ready for the next statement: only then
 * is the transaction status the one after the error, and only then may the connection go to somebody else.
 *
 * @returns why the connection is not fit for further use, or undefined when it is
 */
export function untilReady(client: pg.ClientBase): Promise<string | undefined> {
  if (isReady(client)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const settle = (reason?: string): void => {
      clearTimeout(deadline);
      client.removeListener('drain', ready);
      client.removeListener('end', gone);
      resolve(reason);
    };
    const ready = (): void => settle();
    const gone = (): void => settle('its connection was closed');
    const deadline = setTimeout(() => settle('it did not get ready after an error'), READY_WITHIN_MS);
    client.once('drain', ready); // ready, and nothing is queued
    client.once('end', gone);
  });
}

/** Why a connection that should be between transactions is not, or undefined when it is. */
export function openTransaction(client: pg.ClientBase): string | undefined {
  return client.getTransactionStatus() === 'I' ? undefined : 'its transaction was left open';
}
